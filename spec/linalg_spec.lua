local ow = require "orowan"
local fix = dofile "spec/fixtures/linalg.lua"

local compare = dofile "spec/support/compare.lua"
local close, message = compare.close, compare.message

local seed = 0
local function random_rows(m, n, integers)
  seed = seed + 1
  math.randomseed(seed)
  local t = {}
  for i = 1, m do
    t[i] = {}
    for j = 1, n do t[i][j] = integers and math.random(-9, 9) or 2 * math.random() - 1 end
  end
  return t
end

local function product(a, b)
  local c = {}
  for i = 1, #a do
    c[i] = {}
    for j = 1, #b[1] do
      local s = 0
      for k = 1, #b do s = s + a[i][k] * b[k][j] end
      c[i][j] = s
    end
  end
  return c
end

local function transposed(a)
  local t = {}
  for j = 1, #a[1] do
    t[j] = {}
    for i = 1, #a do t[j][i] = a[i][j] end
  end
  return t
end

local function identity(n)
  local t = {}
  for i = 1, n do
    t[i] = {}
    for j = 1, n do t[i][j] = i == j and 1 or 0 end
  end
  return t
end

local function zeros(n)
  local t = identity(n)
  for i = 1, n do t[i][i] = 0 end
  return t
end

local function diagonal(v)
  local t = identity(#v)
  for i = 1, #v do t[i][i] = v[i] end
  return t
end

-- re + i im as a complex tensor; fft({0,1,0,0}) = {1, -i, -1, i} exactly.
local function complex(re, im, dtype)
  local w = ow.fft(ow.tensor({ 0, 1, 0, 0 }, dtype == "c64" and "f32" or "f64"))
  local rows = {}
  for i = 1, #re do
    rows[i] = {}
    for j = 1, #re[1] do rows[i][j] = { re[i][j], 0, 0, im[i][j] } end
  end
  return ow.matmul(ow.tensor(rows, dtype == "c64" and "f32" or "f64"), w)
end

local function adjoint(a)
  local t = a:totable()
  local re, im = {}, {}
  for j = 1, #t[1] do
    re[j], im[j] = {}, {}
    for i = 1, #t do re[j][i], im[j][i] = t[i][j][1], -t[i][j][2] end
  end
  return complex(re, im, a:dtype())
end

local function real_of(t)
  local r = {}
  for i, v in ipairs(t) do r[i] = type(v[1]) == "table" and real_of(v) or v[1] end
  return r
end
local function imag_of(t)
  local r = {}
  for i, v in ipairs(t) do r[i] = type(v[1]) == "table" and imag_of(v) or v[2] end
  return r
end

describe("matmul", function()
  it("equals the plain sum for all shapes of small matrices, f64 f32 and integers", function()
    for _, s in ipairs { { 1, 1, 1 }, { 1, 5, 1 }, { 1, 4, 3 }, { 3, 4, 1 }, { 2, 1, 3 }, { 3, 4, 5 }, { 17, 9,
      33 } } do
      local m, k, n = s[1], s[2], s[3]
      local a, b = random_rows(m, k), random_rows(k, n)
      close(product(a, b), ow.matmul(a, b), 1e-14, table.concat(s, "x"))
      close(product(a, b), ow.matmul(ow.tensor(a, "f32"), ow.tensor(b, "f32")), 2e-6)
      local ia, ib = random_rows(m, k, true), random_rows(k, n, true)
      local c = ow.matmul(ia, ib)
      assert.equal("i64", c:dtype())
      assert.same(product(ia, ib), c:totable())
    end
  end)

  it("multiplies complex matrices without conjugation", function()
    for dtype, tol in pairs { c128 = 1e-14, c64 = 5e-6 } do
      local ar, ai, br, bi = random_rows(3, 4), random_rows(3, 4), random_rows(4, 2), random_rows(4, 2)
      local c = ow.matmul(complex(ar, ai, dtype), complex(br, bi, dtype))
      assert.equal(dtype, c:dtype())
      local rr, ii, ri, ir = product(ar, br), product(ai, bi), product(ar, bi), product(ai, br)
      for i = 1, 3 do for j = 1, 2 do
        close({ rr[i][j] - ii[i][j], ri[i][j] + ir[i][j] }, c:totable()[i][j], tol)
      end end
    end
  end)

  it("treats a vector as a row on the left and a column on the right", function()
    local a = { { 1, 2, 3 }, { 4, 5, 6 } }
    assert.same({ 14, 32 }, ow.matmul(a, { 1, 2, 3 }):totable())
    assert.same({ 14., 32. }, ow.matmul(a, { 1., 2., 3. }):totable())
    assert.same({ 9., 12., 15. }, ow.matmul({ 1., 2. }, a):totable())
    assert.equal(14., ow.matmul({ 1., 2., 3. }, { 1., 2., 3. }):totable())
    assert.same({}, ow.matmul({ 1., 2. }, { 3., 4. }):shape())
    assert.equal(32, ow.dot({ 1, 2, 3 }, { 4, 5, 6 }))
    assert.equal("integer", math.type(ow.dot({ 1, 2, 3 }, { 4, 5, 6 })))
    assert.equal(32., ow.tensor({ 1., 2., 3. }):dot({ 4, 5, 6 }))
    assert.same({ { 3.5, 4 }, { 7, 8 }, { 10.5, 12 } }, ow.outer({ 1, 2, 3 }, { 3.5, 4 }):totable())
  end)

  it("works on stacks and broadcasts their leading axes", function()
    local a = { random_rows(2, 3), random_rows(2, 3), random_rows(2, 3), random_rows(2, 3) }
    local b = { random_rows(3, 5), random_rows(3, 5), random_rows(3, 5), random_rows(3, 5) }
    for dtype, tol in pairs { f64 = 1e-14, f32 = 1e-6 } do
      local c = ow.matmul(ow.tensor(a, dtype), ow.tensor(b, dtype)):totable()
      local one = ow.matmul(ow.tensor(a, dtype), ow.tensor(b[2], dtype)):totable()
      local other = ow.matmul(ow.tensor(a[3], dtype), ow.tensor(b, dtype)):totable()
      local vec = ow.matmul(ow.tensor(a, dtype), ow.tensor({ 1, -1, 2 }, dtype)):totable()
      for i = 1, 4 do
        close(product(a[i], b[i]), c[i], tol)
        close(product(a[i], b[2]), one[i], tol)
        close(product(a[3], b[i]), other[i], tol)
        close(transposed(product(a[i], { { 1 }, { -1 }, { 2 } }))[1], vec[i], tol)
      end
    end
    local grid = ow.matmul(ow.tensor { { a[1] }, { a[2] } }, ow.tensor { { b[1], b[2], b[3] } })
    assert.same({ 2, 3, 2, 5 }, grid:shape())
    for i = 1, 2 do for j = 1, 3 do close(product(a[i], b[j]), grid:totable()[i][j], 1e-14) end end
    local ints = ow.matmul({ { { 1, 2 } }, { { 3, 4 } } }, { { 5 }, { 6 } })
    assert.same({ { { 17 } }, { { 39 } } }, ints:totable())
  end)

  it("gives the empty sum and empty results", function()
    assert.same({ 0, 0 }, ow.matmul(ow.tensor { {}, {} }, ow.tensor {}):totable())
    assert.equal(0, ow.dot(ow.tensor {}, ow.tensor {}))
    assert.same({ 3, 0 }, ow.matmul({ { 1. }, { 2. }, { 3. } }, ow.tensor { {} }):shape())
    assert.same({ 2, 0 }, ow.solve({ { 1, 2 }, { 3, 4 } }, ow.tensor { {}, {} }):shape())
  end)

  it("promotes mixed types and keeps NaN and infinity", function()
    assert.equal("f64", ow.matmul(ow.tensor({ { 1 } }, "f32"), { { 2 } }):dtype())
    assert.equal("f32", ow.matmul(ow.tensor({ { 1 } }, "f16"), ow.tensor({ { 2 } }, "bf16")):dtype())
    assert.equal("c128", ow.matmul(complex({ { 1 } }, { { 1 } }), { { 2.5 } }):dtype())
    local nan = 0 / 0
    for _, n in ipairs { 1, 2, 40 } do
      local a, b = random_rows(n, n), random_rows(n, n)
      a[1][1] = nan
      b[1][n] = 0
      local c = ow.matmul(a, b):totable()
      for j = 1, n do assert.is_true(c[1][j] ~= c[1][j]) end
      if n > 1 then assert.is_true(c[2][1] == c[2][1]) end
      local x = {}
      for i = 1, n do x[i] = 0. end
      assert.is_true(ow.matmul(a, x):totable()[1] ~= 0)  -- NaN times 0
    end
    assert.equal(math.huge, ow.dot({ math.huge, 1 }, { 2., 3. }))
  end)

  it("is exact on integers and refuses what does not fit", function()
    local big = 1 << 62
    assert.same({ { big } }, ow.matmul({ { big, big, -big } }, { { 1 }, { 1 }, { 1 } }):totable())
    assert.matches("does not fit i64", message(ow.matmul, { { big, big } }, { { 1 }, { 1 } }))
    assert.equal(math.mininteger, ow.dot({ math.mininteger }, { 1 }))
    assert.matches("does not fit", message(ow.dot, { math.mininteger }, { -1 }))
    assert.equal(255 * 255 * 3, ow.dot(ow.tensor({ 255, 255, 255 }, "u8"), ow.tensor({ 255, 255, 255 }, "u8")))
  end)

  it("writes into out, also when it is an operand", function()
    local a, b = ow.tensor(random_rows(3, 3)), ow.tensor(random_rows(3, 3))
    local want = product(a:totable(), b:totable())
    local out = ow.tensor(random_rows(3, 3))
    assert.is_true(rawequal(out, ow.matmul(a, b, { out = out })))
    close(want, out, 1e-14)
    close(want, a:matmul(b, a), 1e-14)
    close(want, a, 1e-14)
    assert.matches("out: expected shape 3x3, got 2x2",
      message(ow.matmul, b, b, ow.tensor { { 1., 2. }, { 3., 4. } }))
    assert.matches("out: expected dtype f64, got f32", message(ow.matmul, b, b, ow.tensor(random_rows(3, 3), "f32")))
  end)

  it("refuses to write into a broadcast view, and options that are no table", function()
    local b = ow.tensor(random_rows(3, 3))
    assert.matches("broadcast view", message(ow.matmul, b, b, { out = ow.zeros(1, 3):broadcast_to(3, 3) }))
    assert.matches("options: expected a table", message(ow.matmul, b, b, 5))
    assert.matches("inv: options: expected a table", message(ow.inv, b, true))
  end)

  it("takes views as they lie", function()
    local rows, others = random_rows(5, 4), random_rows(5, 3)
    local a, b = ow.tensor(rows), ow.tensor(others)
    close(product(transposed(rows), others), a:transpose():matmul(b), 1e-14)
    close(product(transposed(others), rows), b:transpose():matmul(a), 1e-14)
    local square = random_rows(5, 5)
    local s = ow.tensor(square)
    close(product(transposed(square), transposed(square)), s:transpose():matmul(s:transpose()), 1e-14)
    close(product(square, transposed(square)), s:matmul(s:transpose()), 1e-14)
    local out = ow.tensor(random_rows(3, 4))
    ow.matmul(transposed(rows), others, { out = out:transpose() })
    close(transposed(product(transposed(rows), others)), out, 1e-14)
    -- into itself, transposed
    ow.matmul(s:transpose(), s, { out = s:transpose() })
    close(transposed(product(transposed(square), square)), s, 1e-14)
  end)

  it("names both shapes when they do not fit", function()
    local function shaped(...)
      local function make(s, d)
        if d > #s then return 0.5 end
        local t = {}
        for i = 1, s[d] do t[i] = make(s, d + 1) end
        return t
      end
      return ow.tensor(make({ ... }, 1))
    end
    assert.matches("matmul: a is 3x4, b is 5x2: inner sizes 4 and 5 differ",
      message(ow.matmul, shaped(3, 4), shaped(5, 2)))
    assert.matches("leading sizes 2 and 3 do not broadcast",
      message(ow.matmul, shaped(2, 3, 4), shaped(3, 4, 2)))
    assert.matches("b is a scalar", message(ow.matmul, shaped(3, 4), 2))
    assert.matches("dot: a is 2, b is 3: expected two vectors", message(ow.dot, shaped(2), shaped(3)))
    assert.matches("outer: a is 2x2", message(ow.outer, shaped(2, 2), shaped(3)))
    assert.matches("matmul: a: expected a tensor", message(ow.matmul, "x", shaped(2)))
    assert.matches("matmul: b: .*nothing", message(ow.matmul, shaped(2)))
  end)

  it("agrees between one large product and its parts", function()
    local m, k, n = 300, 257, 270
    local a, b = ow.tensor(random_rows(m, k)), ow.tensor(random_rows(k, n))
    local c = a:matmul(b):totable()
    for _, i in ipairs { 1, 150, 300 } do
      close(ow.matmul(a:totable()[i], b), c[i], 1e-12)
    end
  end)
end)

describe("solve", function()
  it("solves known systems", function()
    close({ 0.1, 0.6 }, ow.solve({ { 4, 1 }, { 2, 3 } }, { 1, 2 }), 1e-15)
    close(fix.inv, ow.inv(fix.a), 1e-12)
    close(identity(4), ow.matmul(ow.inv(fix.a), fix.a), 1e-13)
    assert.equal("f32", ow.solve(ow.tensor({ { 2 } }, "f32"), ow.tensor({ 4 }, "f32")):dtype())
    assert.equal("f64", ow.solve({ { 2 } }, { 4 }):dtype())
  end)

  it("solves for many right-hand sides and stacks", function()
    local a, x = { random_rows(4, 4), random_rows(4, 4) }, { random_rows(4, 3), random_rows(4, 3) }
    local b = ow.matmul(a, x)
    close(x, ow.solve(a, b), 1e-12)
    local shared = ow.solve(a[1], b):totable()
    close(x[1], shared[1], 1e-12)
    close(product(a[1], shared[2]), product(a[2], x[2]), 1e-12)
    local vec = ow.solve(a, { 1, 2, 3, 4 })
    assert.same({ 2, 4 }, vec:shape())
    for i = 1, 2 do close({ 1, 2, 3, 4 }, ow.matmul(a[i], vec:totable()[i]), 1e-12) end
    for i = 1, 2 do close(identity(4), product(a[i], ow.inv(a):totable()[i]), 1e-12) end
  end)

  it("solves complex systems without conjugating", function()
    local a, x = complex(random_rows(4, 4), random_rows(4, 4)), complex(random_rows(4, 2), random_rows(4, 2))
    close(x, ow.solve(a, a:matmul(x)), 1e-12)
    close(complex(identity(4), zeros(4)), ow.inv(a):matmul(a), 1e-12)
  end)

  it("refuses singular matrices and says how ill they are", function()
    local text, err = message(ow.solve, { { 1, 2 }, { 2, 4 } }, { 1, 2 })
    assert.matches("solve: a is singular: pivot 2 of 2 is zero", text)
    assert.equal("numeric", err.code)
    assert.matches("singular to working precision: condition number about %d",
      message(ow.inv, { { 1, 2 }, { 1, 2.0000000000000004 } }))
    local text2 = message(ow.solve, { { { 1, 0 }, { 0, 1 } }, { { 0, 0 }, { 0, 0 } } }, { 1, 1 })
    assert.matches("matrix 2 of the stack", text2)
    assert.is_not_nil(ow.solve({ { 1, 2 }, { 1, 2.0000000000000004 } }, { 1, 2 }, { check = false }))
  end)

  it("does not mistake bad units for singularity", function()
    local a = { { 1e-20, 2e-20 }, { 3e10, 1e10 } }
    close({ 3, 5 }, ow.solve(a, { 13e-20, 14e10 }), 1e-13)
    close(identity(2), ow.matmul(ow.inv(a), a), 1e-12)
    close({ 3e20, 5 }, ow.solve({ { 1e-20, 2 }, { 3e-20, 1 } }, { 13, 14 }), 1e8)  -- badly scaled columns
    local d = complex({ { 1e-30, 0 }, { 0, 1e30 } }, { { 0, 0 }, { 0, 0 } })
    close(complex({ { 2 }, { 3 } }, { { 0 }, { 0 } }), ow.solve(d, complex({ { 2e-30 }, { 3e30 } }, { { 0 },
      { 0 } })), 1e-12)
  end)

  it("inverts the Hilbert matrix of order 4 and refuses orders beyond the precision", function()
    local function hilbert(n)
      local h = {}
      for i = 1, n do h[i] = {} for j = 1, n do h[i][j] = 1 / (i + j - 1) end end
      return h
    end
    -- its exact inverse has integer elements
    close({ { 16, -120, 240, -140 }, { -120, 1200, -2700, 1680 }, { 240, -2700, 6480, -4200 }, { -140, 1680, -4200,
      2800 } },
      ow.inv(hilbert(4)), 1e-8)
    assert.matches("singular to working precision: condition number about", message(ow.inv, hilbert(14)))
    assert.matches("f32 resolves up to 8.4e%+06", message(ow.inv, ow.tensor(hilbert(8), "f32")))
  end)

  it("refuses NaN, infinity, empty and wrongly shaped input", function()
    local nan = 0 / 0
    assert.matches("inv: a: element %[2%]%[1%] is NaN or infinite", message(ow.inv, { { 1, 2 }, { nan, 4 } }))
    assert.matches("square matrix, got shape 2x3", message(ow.inv, random_rows(2, 3)))
    assert.matches("expected a matrix", message(ow.inv, { 1, 2 }))
    assert.matches("at least one row", message(ow.svd, ow.tensor { {} }))
    assert.matches("solve: a is 2x2, b is 3: a has 2 rows, b has 3",
      message(ow.solve, { { 1, 2 }, { 3, 4 } }, { 1, 2, 3 }))
    assert.matches("b: expected a vector", message(ow.solve, { { 1, 2 }, { 3, 4 } }, 1))
    local x = ow.solve({ { 1, 2 }, { 3, 4 } }, { nan, 1 }):totable()
    assert.is_true(x[1] ~= x[1])
  end)

  it("gives determinants without overflow", function()
    assert.equal(-2, ow.det { { 1, 2 }, { 3, 4 } })
    close(fix.det, ow.det(fix.a), 1e-15)
    local big = diagonal { 1e200, 1e200, -1e-300, 3 }
    assert.is_true(math.abs(ow.det(big) / -3e100 - 1) < 1e-14)
    local sign, log = ow.slogdet(diagonal { 1e200, 1e200, 1e200 })
    assert.equal(1, sign)
    close(600 * math.log(10), log, 1e-12)
    assert.same({ 0., -math.huge }, { ow.slogdet { { 1, 1 }, { 1, 1 } } })
    assert.same({ 1., 2. * 5 }, ow.det({ { { 1, 0 }, { 0, 1 } }, { { 2, 0 }, { 0, 5 } } }):totable())
    local d = ow.det(complex({ { 1, 0 }, { 0, 1 } }, { { 1, 0 }, { 0, 1 } }))  -- (1 + i)^2
    close({ 0, 2 }, d, 1e-15)
    local nan = ow.det { { 0 / 0, 1 }, { 1, 2 } }
    assert.is_true(nan ~= nan)
  end)
end)

describe("factorisations", function()
  it("lu: rows of a in the order p equal l u", function()
    for _, s in ipairs { { 4, 4 }, { 5, 3 }, { 3, 5 }, { 1, 4 } } do
      local a = random_rows(s[1], s[2])
      local p, l, u = ow.lu(a)
      local permuted = {}
      for i, r in ipairs(p:totable()) do permuted[i] = a[r] end
      close(permuted, ow.matmul(l, u), 1e-14)
      for i, row in ipairs(l:totable()) do for j, v in ipairs(row) do
        if j == i then assert.equal(1, v) elseif j > i then assert.equal(0, v) else assert.is_true(math.abs(v) <= 1) end
      end end
    end
    local p, l, u = ow.lu(fix.r)
    assert.same(fix.lu_p, p:totable())
    close(fix.lu_l, l, 1e-14)
    close(fix.lu_u, u, 1e-14)
  end)

  it("cholesky: l l^H, also complex and stacked", function()
    close({ { 2, 0 }, { 1, math.sqrt(2) } }, ow.cholesky { { 4, 2 }, { 2, 3 } }, 1e-15)
    local r = random_rows(6, 4)
    local a = product(transposed(r), r)
    local l = ow.cholesky(a)
    close(a, ow.matmul(l, transposed(l:totable())), 1e-14)
    for i, row in ipairs(l:totable()) do for j = i + 1, 4 do assert.equal(0, row[j]) end end
    local z = complex(random_rows(6, 4), random_rows(6, 4))
    local h = adjoint(z):matmul(z)
    local c = ow.cholesky(h)
    close(h, c:matmul(adjoint(c)), 1e-13)
    local stack = ow.cholesky { a, identity(4) }
    close({ l:totable(), identity(4) }, stack, 1e-15)
    assert.matches("not positive definite: its leading minor of order 2", message(ow.cholesky, { { 1, 2 }, { 2, 1 } }))
    assert.matches("expected a symmetric matrix", message(ow.cholesky, { { 1, 2 }, { 0, 1 } }))
    assert.matches("%(matrix 2 of the stack%)",
      message(ow.cholesky, { { { 1, 0 }, { 0, 1 } }, { { -1, 0 }, { 0, 1 } } }))
  end)

  it("qr: orthonormal q, upper triangular r", function()
    for _, s in ipairs { { 5, 3 }, { 3, 5 }, { 4, 4 }, { 1, 3 }, { 3, 1 } } do
      local m, n = s[1], s[2]
      for _, full in ipairs { false, true } do
        local a = random_rows(m, n)
        local q, r = ow.qr(a, { full_matrices = full })
        local k = full and m or math.min(m, n)
        assert.same({ m, k }, q:shape())
        assert.same({ k, n }, r:shape())
        close(a, q:matmul(r), 1e-14)
        close(identity(k), product(transposed(q:totable()), q:totable()), 1e-14)
        for i, row in ipairs(r:totable()) do for j = 1, math.min(i - 1, n) do assert.equal(0, row[j]) end end
        local z = complex(random_rows(m, n), random_rows(m, n))
        local cq, cr = ow.qr(z, { full_matrices = full })
        close(z, cq:matmul(cr), 1e-14)
        close(complex(identity(k), zeros(k)), adjoint(cq):matmul(cq), 1e-14)
      end
    end
    local q, r = ow.qr { random_rows(3, 2), random_rows(3, 2) }
    assert.same({ 2, 3, 2 }, q:shape())
    assert.same({ 2, 2, 2 }, r:shape())
  end)

  it("svd: a = u s vh, thin and full, all types", function()
    for _, s in ipairs { { 5, 3 }, { 3, 5 }, { 4, 4 }, { 1, 3 } } do
      local m, n, k = s[1], s[2], math.min(s[1], s[2])
      for dtype, tol in pairs { f64 = 2e-14, f32 = 5e-6, c128 = 2e-14, c64 = 5e-6 } do
        local is_complex = dtype:sub(1, 1) == "c"
        local a = is_complex and complex(random_rows(m, n), random_rows(m, n), dtype) or ow.tensor(random_rows(m,
          n), dtype)
        local u, sv, vh = ow.svd(a)
        assert.same({ m, k }, u:shape())
        assert.same({ k, n }, vh:shape())
        local d = ow.tensor(diagonal(sv:totable()), is_complex and (dtype == "c64" and "f32" or "f64") or dtype)
        close(a, u:matmul(d):matmul(vh), tol, dtype)
        for i = 2, k do assert.is_true(sv:totable()[i] <= sv:totable()[i - 1]) end
        local uf, _, vf = ow.svd(a, { full_matrices = true })
        assert.same({ m, m }, uf:shape())
        assert.same({ n, n }, vf:shape())
        close(sv, ow.svdvals(a), tol)
      end
    end
    close(fix.svdvals, ow.svdvals(fix.a), 1e-14)
    close(fix.cond, ow.cond(fix.a), 1e-12)
    assert.equal(math.huge, ow.cond { { 1, 0 }, { 0, 0 } })
    assert.equal(2, ow.matrix_rank(fix.deficient))
    assert.same({ 1, 2 }, ow.matrix_rank({ { { 1, 1 }, { 1, 1 } }, { { 1, 0 }, { 0, 1 } } }):totable())
    for _, f in ipairs { "svd", "svdvals", "pinv", "cond", "qr", "eig", "eigh", "cholesky", "lu" } do
      assert.matches("is NaN or infinite", message(ow[f], { { 1, 2 }, { 2, 0 / 0 } }), 1, true)
      assert.matches("is NaN or infinite", message(ow[f], { { -math.huge, 2 }, { 2, 1 } }), 1, true)
    end
  end)

  it("pinv meets the four Penrose conditions", function()
    close(fix.pinv, ow.pinv(fix.r), 1e-14)
    for _, a in ipairs { fix.r, fix.deficient, transposed(fix.deficient) } do
      local x = ow.pinv(a):totable()
      close(a, product(product(a, x), a), 1e-13)
      close(x, product(product(x, a), x), 1e-13)
      close(transposed(product(a, x)), product(a, x), 1e-13)
      close(transposed(product(x, a)), product(x, a), 1e-13)
    end
    local z = complex(random_rows(4, 2), random_rows(4, 2))
    close(identity(2), real_of(ow.pinv(z):matmul(z):totable()), 1e-13)
  end)
end)

describe("lstsq", function()
  it("fits a line", function()
    local x, info = ow.lstsq({ { 1, 1 }, { 1, 2 }, { 1, 3 } }, { 1, 2, 2 })
    close({ 2 / 3, 1 / 2 }, x, 1e-14)
    close(1 / 6, info.residuals, 1e-14)
    assert.equal(2, info.rank)
  end)

  it("agrees with an independent program, full and deficient rank", function()
    local x, info = ow.lstsq(fix.r, fix.b)
    close(fix.lstsq_x, x, 1e-14)
    close(fix.lstsq_res, info.residuals, 1e-13)
    close(fix.lstsq_s, info.singular_values, 1e-13)
    local y, deficient = ow.lstsq(fix.deficient, { 1, 2, 3, 4 })
    close(fix.deficient_x, y, 1e-14)
    assert.equal(fix.deficient_rank, deficient.rank)
  end)

  it("gives the solution of least norm when there are many", function()
    local x, info = ow.lstsq({ { 1, 1, 0 } }, { 2 })
    close({ 1, 1, 0 }, x, 1e-15)
    assert.equal(1, info.rank)
    assert.is_true(info.residuals < 1e-28)
  end)

  it("works on stacks, f32 and complex", function()
    local a, b = { random_rows(5, 2), random_rows(5, 2) }, { random_rows(5, 3), random_rows(5, 3) }
    local x, info = ow.lstsq(a, b)
    assert.same({ 2, 2, 3 }, x:shape())
    assert.same({ 2, 3 }, info.residuals:shape())
    assert.same({ 2, 2 }, info.rank:totable())
    for i = 1, 2 do
      local xi, ii = ow.lstsq(a[i], b[i])
      close(xi, x:totable()[i], 1e-15)
      close(ii.residuals, info.residuals:totable()[i], 1e-14)
    end
    local shared = ow.lstsq(a, { 1, 2, 3, 4, 5 })
    close(ow.lstsq(a[2], { 1, 2, 3, 4, 5 }), shared:totable()[2], 1e-14)
    local f = ow.lstsq(ow.tensor(fix.r, "f32"), ow.tensor(fix.b, "f32"))
    assert.equal("f32", f:dtype())
    close(fix.lstsq_x, f, 1e-5)
    local z, w = complex(random_rows(5, 2), random_rows(5, 2)), complex(random_rows(2, 2), random_rows(2, 2))
    local v, zi = ow.lstsq(z, z:matmul(w))
    close(w, v, 1e-13)
    assert.is_true(zi.residuals:totable()[1] < 1e-26)
  end)

  it("refuses bad input by name", function()
    assert.matches("lstsq: a is 5x3, b is 2: a has 5 rows, b has 2", message(ow.lstsq, fix.r, { 1, 2 }))
    assert.matches("b: has a NaN", message(ow.lstsq, { { 1 }, { 2 } }, { 1, 0 / 0 }))
    assert.matches("a: element %[1%]%[2%] is NaN", message(ow.lstsq, { { 1, 0 / 0 }, { 2, 2 } }, { 1, 1 }))
  end)
end)

describe("eigenvalues", function()
  it("eigh: known values, a v = v w, orthonormal v", function()
    local w, v = ow.eigh { { 2, 1 }, { 1, 2 } }
    close({ 1, 3 }, w, 1e-15)
    close(math.sqrt(0.5), math.abs(v:totable()[1][1]), 1e-15)
    local s = {}
    for i = 1, 4 do s[i] = {} for j = 1, 4 do s[i][j] = fix.a[i][j] + fix.a[j][i] end end
    close(fix.eigvalsh, ow.eigvalsh(s), 1e-14)
    local w4, v4 = ow.eigh(s)
    close(product(s, v4:totable()), product(v4:totable(), diagonal(w4:totable())), 1e-14)
    close(identity(4), product(transposed(v4:totable()), v4:totable()), 1e-14)
    -- the second difference of n points: 2 - 2 cos(k pi / (n + 1))
    local n, t, want = 50, {}, {}
    for i = 1, n do
      t[i] = {}
      for j = 1, n do t[i][j] = i == j and 2 or math.abs(i - j) == 1 and -1 or 0 end
      want[i] = 2 - 2 * math.cos(i * math.pi / (n + 1))
    end
    close(want, ow.eigvalsh(t), 1e-13)
  end)

  it("eigh of a Hermitian matrix", function()
    local z = complex(random_rows(4, 4), random_rows(4, 4))
    local h = adjoint(z):matmul(z)
    local w, v = ow.eigh(h)
    assert.equal("f64", w:dtype())
    close(h:matmul(v), v:matmul(diagonal(w:totable())), 1e-13)
    close({ -1, 1 }, ow.eigvalsh(complex({ { 0, 0 }, { 0, 0 } }, { { 0, -1 }, { 1, 0 } })), 1e-15)
    assert.matches("expected a Hermitian matrix",
      message(ow.eigh, complex({ { 0, 0 }, { 0, 0 } }, { { 0, 1 }, { 1, 0 } })))
    assert.matches("expected a symmetric matrix", message(ow.eigh, { { 0, 1 }, { 2, 0 } }))
  end)

  it("eig: complex pairs and the general case", function()
    local w, v = ow.eig { { 0, 1 }, { -1, 0 } }
    close({ { 0, 1 }, { 0, -1 } }, w, 1e-15)
    assert.equal("c128", v:dtype())
    for dtype, tol in pairs { f64 = 1e-13, f32 = 5e-6 } do
      local a = ow.tensor(random_rows(6, 6), dtype)
      local w6, v6 = ow.eig(a)
      local wt = w6:totable()
      close(a:matmul(v6), v6:matmul(complex(diagonal(real_of(wt)), diagonal(imag_of(wt)), w6:dtype())), tol)
    end
    local z = complex(random_rows(5, 5), random_rows(5, 5))
    local wz, vz = ow.eig(z)
    close(z:matmul(vz), vz:matmul(complex(diagonal(real_of(wz:totable())), diagonal(imag_of(wz:totable())))), 1e-13)
    local got = ow.eigvals(fix.a):totable()
    table.sort(got, function(p, q) return p[1] < q[1] or (p[1] == q[1] and p[2] < q[2]) end)
    close(fix.eigvals, got, 1e-13)
    assert.same({ 2, 3 }, ow.eigvals({ identity(3), identity(3) }):shape())
  end)
end)
