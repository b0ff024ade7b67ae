-- The table of network kernels: every row's CPU kernel against its plain reference, both
-- against numbers that PyTorch gave, and what bad input says.
local ow = require "orowan"
local compare = require "spec.support.compare"
local nn = ow.core.nn

local function tensor(v)
  if not v then return nil end
  local flat = {}
  for i = 1, #v do flat[i] = v[i] end
  return ow.tensor(flat, v.dtype):reshape(v.shape)
end

describe("network kernels and PyTorch", function()
  local seen = {}
  for number, case in ipairs(require "spec.fixtures.nn_kernels") do
    seen[case.row] = (seen[case.row] or 0) + 1
    local name = ("%s %d (case %d)"):format(case.row, seen[case.row], number)
    it(name, function()
      for _, dtype in ipairs { "f64", "f32" } do
        for _, reference in ipairs { true, false } do
          local inputs, params = {}, { reference = reference }
          for k, v in pairs(case.params) do params[k] = v end
          local function arg(v)
            local t = tensor(v)
            return t and (v.dtype == "i64" and t or t:to(dtype))
          end
          for k, v in ipairs(case.inputs) do inputs[k] = arg(v) end
          if case.before then
            params.out = {}
            for k, v in ipairs(case.before) do params.out[k] = arg(v) end
          end
          local count
          for _, row in ipairs(nn.table()) do
            if row.name == case.row then count = #row.inputs end
          end
          inputs[count + 1] = params
          local got = { nn[case.row](table.unpack(inputs, 1, count + 1)) }
          for k, want in ipairs(case.outputs) do
            local label = ("%s %s%s, output %d"):format(name, dtype, reference and " reference" or "", k)
            assert.same(want.shape, got[k]:shape(), label)
            compare.close(tensor(want), got[k]:to("f64"), dtype == "f64" and 2e-11 or 2e-5, label)
          end
        end
      end
    end)
  end
end)
