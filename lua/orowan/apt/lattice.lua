--- Lattices of synthetic specimens: cells, basis sites, and which sites an ordered structure
--- occupies differently, for each of its variants.
local lattice = {}

local fcc = { { 0, 0, 0 }, { 0, 0.5, 0.5 }, { 0.5, 0, 0.5 }, { 0.5, 0.5, 0 } }
local bcc = { { 0, 0, 0 }, { 0.5, 0.5, 0.5 } }

-- Two cells of bcc along each axis: what D0_3 needs. alpha sites first, then beta.
local bcc16 = {}
for shift = 0, 0.25, 0.25 do
  for i = 0, 1 do
    for j = 0, 1 do
      for k = 0, 1 do bcc16[#bcc16 + 1] = { i / 2 + shift, j / 2 + shift, k / 2 + shift } end
    end
  end
end

--- Cells: basis sites in fractions of the cell, cell edge in lattice constants, planes of faults.
---@type table<string, {basis: number[][], edge: number}>
lattice.cells = { fcc = { basis = fcc, edge = 1 }, bcc = { basis = bcc, edge = 1 }, bcc16 = { basis = bcc16, edge = 2 } }

local function parity(site) return math.floor(2 * (site[1] + site[2] + site[3]) + 0.25) % 2 end

-- on(site number, site, variant): is the site on sublattice A?
---@type table<string, {cell: string, variants: integer, on: fun(b: integer, site: number[], v: integer): boolean}>
lattice.orders = {
  L12 = { cell = "fcc", variants = 4, on = function(b, _, v) return b == v end },
  L10 = { cell = "fcc", variants = 3, on = function(_, site, v) return site[v] == 0 end },
  B2 = { cell = "bcc", variants = 2, on = function(b, _, v) return b == v end },
  D03 = {
    cell = "bcc16", variants = 4,
    on = function(b, site, v)  -- half of one of the two simple cubic sublattices
      local beta = b > 8
      if beta ~= (v > 2) then return false end
      local s = beta and { site[1] - 0.25, site[2] - 0.25, site[3] - 0.25 } or site
      return parity(s) == (v - 1) % 2
    end,
  },
}

-- Names as crystallographers write them.
local aliases = { L1_2 = "L12", L1_0 = "L10", D0_3 = "D03" }

--- The structure of that name, or nil.
---@param name string "L12", "L10", "B2", "D03" (underscores allowed)
function lattice.order(name) return lattice.orders[aliases[name] or name] end

return lattice
