local cli = {}

--- Runs the command line in the global `arg`.
---@return integer status
function cli.main()
  local file = arg[1]
  if not file then return 0 end
  local chunk = assert(loadfile(file))
  local args = table.move(arg, 2, #arg, 1, { [0] = file })
  _G.arg = args
  chunk(table.unpack(args))
  return 0
end

return cli
