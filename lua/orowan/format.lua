--- Numbers, sizes and times as people read them.
local format = {}

--- The shortest text that reads back as the same number.
---@param x number
---@return string
function format.exact(x)
  if math.type(x) == "integer" then return tostring(x) end
  if x ~= x then return "nan" end
  if x == math.huge then return "inf" elseif x == -math.huge then return "-inf" end
  for digits = 1, 17 do
    local s = ("%." .. digits .. "g"):format(x)
    if tonumber(s) == x then
      local exponent = tonumber(s:match("e%+(%d+)$"))  -- 3000, not 3e+03
      if exponent and exponent < 15 then s = ("%." .. math.max(digits, exponent + 1) .. "g"):format(x) end
      return s
    end
  end
end

--- A number for a table: a given count of significant digits, integers in full.
---@param x any numbers are formatted, nil is "-", anything else goes through tostring
---@param digits integer? significant digits, default 6
---@return string
function format.number(x, digits)
  if x == nil then return "-" end
  if math.type(x) ~= "float" then return tostring(x) end
  if x ~= x then return "nan" end
  return (("%." .. (digits or 6) .. "g"):format(x))
end

--- "1.50 GiB".
---@param n number bytes
---@return string
function format.bytes(n)
  local units = { "B", "KiB", "MiB", "GiB", "TiB" }
  local k = 1
  while n >= 1024 and k < #units do n, k = n / 1024, k + 1 end
  return k == 1 and ("%d B"):format(n) or ("%.2f %s"):format(n, units[k])
end

--- "3.2 s", "4:07", "1:02:33", "2 d 3:04:05".
---@param s number seconds
---@return string
function format.duration(s)
  if s ~= s or s < 0 or s > 1e12 then return "?" end
  if s < 60 then return ("%.1f s"):format(s) end
  s = math.floor(s + 0.5)
  local d, h, m = s // 86400, s % 86400 // 3600, s % 3600 // 60
  if d > 0 then return ("%d d %d:%02d:%02d"):format(d, h, m, s % 60) end
  if h > 0 then return ("%d:%02d:%02d"):format(h, m, s % 60) end
  return ("%d:%02d"):format(m, s % 60)
end

--- A rate with an SI prefix: "1.53 M/s".
---@param r number per second
---@return string
function format.rate(r)
  local units = { "", "k", "M", "G", "T" }
  local k = 1
  while r >= 1000 and k < #units do r, k = r / 1000, k + 1 end
  return ("%.3g%s%s/s"):format(r, k > 1 and " " or "", units[k])
end

return format
