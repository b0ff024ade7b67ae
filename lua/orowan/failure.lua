--- Failures that are returned, not raised: the form that errors of the C side have.
local meta = {
  __name = "orowan.error",
  __tostring = function(e) return e.hint ~= "" and ("%s (%s)"):format(e.message, e.hint) or e.message end,
}

--- A failure for `return nil, failure(...)`.
---@param code string "io", "format", "missing", "arg", ...
---@param message string what was wrong, what was expected, what came
---@param hint? string what to do
---@return table err {code, message, hint} with __tostring
return function(code, message, hint)
  return setmetatable({ code = code, message = message, hint = hint or "" }, meta)
end
