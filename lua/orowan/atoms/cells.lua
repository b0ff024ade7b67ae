--- Unit cells: sites, and which of them an ordered structure occupies differently, for each of
--- its variants.
local lattice = {}

local sc = { { 0, 0, 0 } }
local fcc = { { 0, 0, 0 }, { 0, 0.5, 0.5 }, { 0.5, 0, 0.5 }, { 0.5, 0.5, 0 } }
local bcc = { { 0, 0, 0 }, { 0.5, 0.5, 0.5 } }

local diamond = {}
for k, site in ipairs(fcc) do
  diamond[k] = site
  diamond[k + 4] = { site[1] + 0.25, site[2] + 0.25, site[3] + 0.25 }
end

-- Two cells of bcc along each axis: what D0_3 needs. alpha sites first, then beta.
local bcc16 = {}
for shift = 0, 0.25, 0.25 do
  for i = 0, 1 do
    for j = 0, 1 do
      for k = 0, 1 do bcc16[#bcc16 + 1] = { i / 2 + shift, j / 2 + shift, k / 2 + shift } end
    end
  end
end

local hexagonal = { { 1, 0, 0 }, { -0.5, math.sqrt(3) / 2, 0 }, { 0, 0, 1 } }

--- Cells: sites in fractions of the cell, its edge in lattice constants of the plain lattice, its
--- vectors (default cubic) in units of a, a and c, the usual c/a.
---@type table<string, {basis: number[][], edge: number, vectors: number[][]?, c: number?}>
lattice.cells = {
  sc = { basis = sc, edge = 1 }, fcc = { basis = fcc, edge = 1 }, bcc = { basis = bcc, edge = 1 }, bcc16 = { basis = bcc16, edge = 2 },
  diamond = { basis = diamond, edge = 1 },
  hcp = { basis = { { 0, 0, 0 }, { 1 / 3, 2 / 3, 0.5 } }, edge = 1, vectors = hexagonal, c = math.sqrt(8 / 3) },
}

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
