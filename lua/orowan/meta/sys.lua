---@meta orowan.sys
--- The operating system: child processes, files written atomically, folders, clocks, memory.
--- Functions that can fail for reasons outside the program return `nil, err`; `err` is a table
--- {message, code, hint} that prints itself. Wrong arguments raise.
local sys = {}

---@class orowan.run_result
---@field status integer? exit status; nil when a signal ended it
---@field signal integer? number of the signal that ended it
---@field stdout string what it wrote; empty when not piped
---@field stderr string
---@field timed_out boolean it was killed because the time was up

--- Runs a program to its end. Arguments go to it as they are (no shell). Its process group is
--- killed when the time is up, when the user interrupts (then "interrupted" is raised) and
--- when the program itself has ended but left children behind.
--- `local r = assert(sys.run({ "gnuplot", "-V" }, { timeout = 5 }))`
--- ```lua
--- local r = assert(ow.sys.run({ "echo", "hello" }, { timeout = 5 }))
--- print(r.status, (r.stdout:gsub("\n", "")))  --> 0 hello
--- ```
---@param argv string[] program (looked up in PATH) and its arguments
---@param options? {input: string, timeout: number, cwd: string, env: table, stdout: string, stderr: string} input is fed to stdin (else an empty one); timeout in s; env: NAME = value, false removes; stdout "pipe", "null" or "inherit", stderr also "merge"
---@return orowan.run_result? result nil when there is no such program
---@return table? err
function sys.run(argv, options) end

--- Starts a program and returns at once. The process is killed when the value is collected or
--- closed (`local p <close> = ...`).
---@param argv string[]
---@param options? {cwd: string, env: table, stdin: string, stdout: string, stderr: string} streams: "pipe" (default), "null", "inherit"; stderr also "merge"
---@return orowan.process? process nil when there is no such program
---@return table? err
function sys.spawn(argv, options) end

---@class orowan.process
local process = {}
--- What it has written to stdout, as soon as there is something.
---@param timeout? number s; none: waits
---@return string? data nil: nothing came
---@return string? reason "end" or "timeout"
function process:read(timeout) end
--- One line of stdout, without its newline.
---@param timeout? number s
---@return string? line
---@return string? reason "end" or "timeout"
function process:read_line(timeout) end
--- What it has written to stderr since the last call; does not wait.
---@return string data
function process:stderr() end
--- Writes all of data to its stdin, collecting its output meanwhile (so that neither waits for
--- the other for ever).
---@param data string
---@param timeout? number s
---@return boolean? ok
---@return table? err it closed its input, or time was up
function process:write(data, timeout) end
--- Ends its stdin.
function process:close_input() end
---@return boolean running
function process:poll() end
--- Waits for its end; the result holds the output that was not read yet.
---@param timeout? number s
---@return orowan.run_result? result
---@return string? reason "timeout"
function process:wait(timeout) end
--- Sends a signal to its process group.
---@param signal? string "KILL" (default), "TERM", "INT", "STOP", "CONT", "USR1"
function process:kill(signal) end
---@return integer? pid nil when it has ended
function process:pid() end
--- Kills it if it runs and frees everything; may be called again.
function process:close() end

--- Monotonic clock, for measuring durations.
---@return number seconds
function sys.clock() end
--- Time of day.
---@return number seconds since 1970-01-01 UTC
function sys.time() end
--- Processor time of this process, all threads.
---@return number seconds
function sys.cpu_time() end
--- Waits; an interrupt ends it and raises.
---@param seconds number 0 or more
function sys.sleep(seconds) end
--- Largest resident memory of this process so far.
---@return integer bytes
function sys.peak_memory() end
--- Resident memory now; 0 where the system does not tell.
---@return integer bytes
function sys.resident_memory() end
---@param fd integer 0 stdin, 1 stdout, 2 stderr
---@return boolean
function sys.isatty(fd) end
--- Width of the terminal, else COLUMNS, else 80.
---@return integer characters
function sys.columns() end
---@return integer
function sys.getpid() end
--- Processors this process may use.
---@return integer
function sys.cores() end
---@return string
function sys.hostname() end
--- Model of the processor, "unknown" where the system does not tell.
---@return string
function sys.cpu_name() end
--- Operating system, release and architecture.
---@return string
function sys.os_name() end
--- Sets a variable of our environment (children inherit it); nil removes it.
---@param name string
---@param value? string
function sys.setenv(name, value) end

--- SHA-256 (FIPS 180-4) of a string.
---@param data string
---@return string hex 64 lower-case digits
function sys.sha256(data) end
--- SHA-256 of a file, read in pieces.
---@param path string
---@return string? hex
---@return table? err
function sys.sha256_file(path) end

---@param path string
---@return string? content
---@return table? err
function sys.read_file(path) end
--- Writes a file so that its name holds either the old or the whole new content at any moment
--- (temporary file in the same folder, fsync, rename). Permissions of an old file are kept, a
--- symbolic link is followed; on failure (disk full) the old file stays and no other is left.
---@param path string
---@param data string
---@return boolean? ok
---@return table? err
function sys.write_atomic(path, data) end
--- Makes a folder and its parents; fine when it is there.
---@param path string
---@return boolean? ok
---@return table? err
function sys.mkdir(path) end
--- Removes a file or an empty folder.
---@param path string
---@return boolean? ok
---@return table? err
function sys.remove(path) end
--- Removes a folder with all in it (links are removed, not followed); fine when it is not
--- there. Refuses the root, the home and the temporary folder, and what holds them.
---@param path string
---@return boolean? ok
---@return table? err
function sys.remove_tree(path) end
--- Renames within a file system; an existing target file is replaced.
---@param from string
---@param to string
---@return boolean? ok
---@return table? err
function sys.rename(from, to) end
---@param path string
---@return {kind: string, size: integer, mtime: number, mode: integer}? info kind "file", "folder" or "other"; size in bytes; mtime in s since 1970
---@return table? err
function sys.stat(path) end
---@param path string
---@return boolean
function sys.exists(path) end
---@param path string
---@return boolean
function sys.isdir(path) end
--- Names in a folder, sorted, without "." and "..".
---@param path string
---@return string[]? names
---@return table? err
function sys.list(path) end
--- Where PATH finds a program.
---@param program string
---@return string? path nil: not found
function sys.which(program) end
---@return string? path
---@return table? err
function sys.cwd() end
--- Absolute path without links; the file must exist.
---@param path string
---@return string? path
---@return table? err
function sys.realpath(path) end
--- Makes a new, empty, private folder for temporary files; remove it with sys.remove_tree.
---@param prefix? string start of its name
---@return string? path
---@return table? err
function sys.tmpdir(prefix) end
--- The folder for temporary files: TMPDIR or /tmp.
---@return string
function sys.temp_root() end

return sys
