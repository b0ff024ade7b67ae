--- What we ask of the operating system: child processes, files written atomically, folders,
--- clocks, memory, SHA-256. The functions are C (csrc/lua/sys.c); meta/sys.lua documents them.
return require("orowan.core").sys
