---@meta orowan.linalg
--- Products, linear systems, factorisations and eigenvalues, on OpenBLAS and its LAPACK.
--- Common rules:
--- Arguments are tensors or nested tables, and are never changed. Integers are computed in f64
--- (products of integers exactly in i64), f16 and bf16 in f32; otherwise the dtype is kept.
--- Leading axes are a stack: every function works on each matrix of it (shapes below show the
--- last axes). Errors are raised: code "shape" names the shapes, code "numeric" a singular,
--- indefinite or non-finite matrix with its place. NaN and infinity are refused by all
--- factorisations (LAPACK may loop on them); products, `det` and right-hand sides carry them on.
--- The results of BLAS depend in their last bits on its thread count, which is fixed for the
--- process and recorded with each run. One LAPACK call cannot be interrupted; a stack can,
--- between its matrices, and a product, between its panels.
local ow = {}
---@class orowan.tensor
local tensor = {}

--- Matrix product. A vector on the left is a row, on the right a column, and that axis is
--- dropped from the result; two vectors give a 0-d tensor. Leading axes broadcast. Transposed
--- and sliced views are not copied. Integers give i64, exactly: a result beyond i64 is refused.
--- `local c = a:matmul(b)`; `ow.matmul(a, b, {out = c})` writes into c.
---@param a orowan.tensor|table [..., m, k] or [k]
---@param b orowan.tensor|table [..., k, n] or [k]
---@param options? {out: orowan.tensor}|orowan.tensor result to write into (right dtype and shape, any strides, may overlap a or b)
---@return orowan.tensor c [..., m, n]
function ow.matmul(a, b, options) end

--- Matrix product with self on the left; see `matmul`.
---@param b orowan.tensor|table [..., k, n] or [k]
---@param options? {out: orowan.tensor}|orowan.tensor
---@return orowan.tensor c [..., m, n]
function tensor:matmul(b, options) end

--- Sum of a[i] b[i] (no conjugation).
---@param a orowan.tensor|table [n]
---@param b orowan.tensor|table [n]
---@return number|integer|orowan.tensor sum a number; of complex vectors a 0-d tensor
function ow.dot(a, b) end

--- Sum of self[i] b[i] (no conjugation).
---@param b orowan.tensor|table [n]
---@return number|integer|orowan.tensor sum
function tensor:dot(b) end

--- All products a[i] b[j].
---@param a orowan.tensor|table [m]
---@param b orowan.tensor|table [n]
---@param options? {out: orowan.tensor}|orowan.tensor
---@return orowan.tensor c [m, n]
function ow.outer(a, b, options) end

--- Solution x of a x = b by LU with partial pivoting. A zero pivot is refused; so is a matrix
--- whose estimated 1-norm condition number exceeds 1/eps even after its rows and columns were
--- scaled (the message gives the estimate).
--- ```lua
--- local x = ow.solve(ow.tensor { { 2, 0 }, { 0, 4 } }, ow.tensor { 2, 8 })
--- print(x:get(1), x:get(2))  --> 1.0 2.0
--- ```
---@param a orowan.tensor|table [..., n, n]
---@param b orowan.tensor|table [n] (used for every matrix of a stack) or [..., n, k]
---@param options? {check: boolean} check = false accepts an ill-conditioned matrix
---@return orowan.tensor x [..., n] or [..., n, k]
function ow.solve(a, b, options) end

--- Inverse, with the same refusals as `solve`. To solve a system, `solve` is faster and closer.
---@param a orowan.tensor|table [..., n, n]
---@param options? {check: boolean} check = false accepts an ill-conditioned matrix
---@return orowan.tensor x [..., n, n]
function ow.inv(a, options) end

--- Determinant; no overflow on the way, NaN for a matrix with NaN or infinity.
---@param a orowan.tensor|table [..., n, n]
---@return number|orowan.tensor det a number for one real matrix, else a tensor [...]
function ow.det(a) end

--- Sign (complex: unit number) and natural logarithm of the size of the determinant; a
--- singular matrix gives 0 and -inf.
---@param a orowan.tensor|table [..., n, n]
---@return number|orowan.tensor sign
---@return number|orowan.tensor logdet
function ow.slogdet(a) end

--- LU factors with partial pivoting: row p[i] of a is row i of l u.
---@param a orowan.tensor|table [..., m, n]; k = min(m, n)
---@return orowan.tensor p [..., m] i64, 1-based rows of a
---@return orowan.tensor l [..., m, k] unit lower triangle
---@return orowan.tensor u [..., k, n] upper triangle
function ow.lu(a) end

--- Lower triangular l with a = l l^H. Refused unless a is Hermitian to within sqrt(eps) of its
--- largest element, and positive definite.
---@param a orowan.tensor|table [..., n, n]
---@return orowan.tensor l [..., n, n]
function ow.cholesky(a) end

--- a = q r, q with orthonormal columns, r upper triangular (Householder; signs of r's diagonal
--- are not fixed).
---@param a orowan.tensor|table [..., m, n]; k = min(m, n)
---@param options? {full_matrices: boolean} true: q [m, m], r [m, n]
---@return orowan.tensor q [..., m, k]
---@return orowan.tensor r [..., k, n]
function ow.qr(a, options) end

--- Singular value decomposition a = u diag(s) vh, s falling (divide and conquer).
---@param a orowan.tensor|table [..., m, n]; k = min(m, n)
---@param options? {full_matrices: boolean} true: u [m, m], vh [n, n]
---@return orowan.tensor u [..., m, k]
---@return orowan.tensor s [..., k] real
---@return orowan.tensor vh [..., k, n]
function ow.svd(a, options) end

--- Singular values alone, falling.
---@param a orowan.tensor|table [..., m, n]
---@return orowan.tensor s [..., min(m, n)] real
function ow.svdvals(a) end

--- Condition number in the 2-norm: largest over smallest singular value.
---@param a orowan.tensor|table [..., m, n]
---@return number|orowan.tensor cond infinite for a singular matrix
function ow.cond(a) end

--- Number of singular values above rcond times the largest.
---@param a orowan.tensor|table [..., m, n]
---@param options? {rcond: number} default eps max(m, n)
---@return integer|orowan.tensor rank
function ow.matrix_rank(a, options) end

--- Moore-Penrose pseudo-inverse by SVD; singular values up to rcond times the largest count as 0.
---@param a orowan.tensor|table [..., m, n]
---@param options? {rcond: number} default eps max(m, n)
---@return orowan.tensor x [..., n, m]
function ow.pinv(a, options) end

--- Least squares: the x of least norm among those that minimise |b - a x|, by SVD, so that
--- deficient rank is met. `local x, info = ow.lstsq(a, b)`.
---@param a orowan.tensor|table [..., m, n]
---@param b orowan.tensor|table [m] or [..., m, k]
---@param options? {rcond: number} singular values up to rcond times the largest count as 0; default eps max(m, n)
---@return orowan.tensor x [..., n] or [..., n, k]
---@return {residuals: number|orowan.tensor, rank: integer|orowan.tensor, singular_values: orowan.tensor} info residuals: sum of squares of b - a x for each column, whatever the rank
function ow.lstsq(a, b, options) end

--- Eigenvalues (rising, real) and orthonormal eigenvectors of a symmetric or Hermitian matrix;
--- one that is not, to within sqrt(eps) of its largest element, is refused.
---@param a orowan.tensor|table [..., n, n]
---@return orowan.tensor w [..., n] real
---@return orowan.tensor v [..., n, n], column k belongs to w[k]
function ow.eigh(a) end

--- Eigenvalues of a symmetric or Hermitian matrix, rising; see `eigh`.
---@param a orowan.tensor|table [..., n, n]
---@return orowan.tensor w [..., n] real
function ow.eigvalsh(a) end

--- Eigenvalues and right eigenvectors (of unit length) of any square matrix, always complex, in
--- no particular order; conjugate pairs stand together.
---@param a orowan.tensor|table [..., n, n]
---@return orowan.tensor w [..., n] c64 or c128
---@return orowan.tensor v [..., n, n], column k belongs to w[k]
function ow.eig(a) end

--- Eigenvalues of any square matrix; see `eig`.
---@param a orowan.tensor|table [..., n, n]
---@return orowan.tensor w [..., n] c64 or c128
function ow.eigvals(a) end

return ow
