--- orowan docs: the reference as HTML files.
local options = require "orowan.cli.options"

local docs = {}

--- orowan docs [DIR]
---@param args string[]
---@return integer status
function docs.main(args)
  local o, err = options.parse(args, { help = "flag" })
  if o and o.help then
    io.stdout:write("usage: orowan docs [DIR]\n\nWrites the reference as HTML (default: orowan-docs); open DIR/index.html, no server is needed.\n")
    return 0
  end
  if not o or #o.words > 1 or next(o.pairs) then
    io.stderr:write("orowan docs: ", err or "expected one folder", "\n")
    return 1
  end
  local dir = o.words[1] or "orowan-docs"
  local made
  made, err = require("orowan.docs.site").write(dir)
  if not made then
    io.stderr:write("orowan docs: ", tostring(err), "\n")
    return 1
  end
  io.stdout:write(("%d pages, %d names: %s/index.html\n"):format(made.pages, made.names, dir))
  return 0
end

return docs
