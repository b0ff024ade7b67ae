---@meta orowan.fft
--- Discrete Fourier transforms, on FFTW 3.
--- Convention (numpy's): forward X[k] = sum over j of x[j] exp(-2 pi i j k / n), unscaled; the
--- inverse has exp(+2 pi i j k / n) and the factor 1/n. `norm` moves the factor: "backward"
--- (default), "ortho" (1/sqrt(n) both ways), "forward" (1/n on the forward one). Over several
--- axes n is the product of the lengths.
--- Types: f16 bf16 f32 c64 give c64 (real results f32), all others c128 (f64). Any length works;
--- products of small primes are fastest. The input is cropped or zero-padded at its end to the
--- lengths asked for, and never changed. Errors are raised.
--- Plans are made on first use of a shape and kept for the process (512 of them; estimated by
--- default). `plan = "measure"` times several plans first, worth it for thousands of transforms
--- of one shape; its choice, and so the last bits, may differ from run to run. Nothing is stored
--- on disk. The result does not depend on the number of threads. Interrupts are noticed between
--- pieces of about 32768 points; a single longer transform runs to its end.
local ow = {}

--- Fourier transform along one axis.
---@param a orowan.tensor|table [..., n], real or complex
---@param options? {n: integer, axis: integer, norm: string, plan: string, out: orowan.tensor} n: length (default the input's); axis: default -1; norm, plan: see above; out: contiguous result to write into (may be a complex input itself)
---@return orowan.tensor X [..., n] complex
function ow.fft(a, options) end

--- Inverse Fourier transform along one axis.
---@param a orowan.tensor|table [..., n], real or complex
---@param options? {n: integer, axis: integer, norm: string, plan: string, out: orowan.tensor} n: length (default the input's); axis: default -1; norm, plan: see above; out: contiguous result to write into (may be a complex input itself)
---@return orowan.tensor x [..., n] complex
function ow.ifft(a, options) end

--- Fourier transform of real data along one axis: the frequencies 0 to n/2 (the others are
--- their conjugates). Complex input is refused.
--- ```lua
--- local t = ow.linspace(0, 1, 65):slice(1, 1, 64)
--- local power = ow.rfft((t * 2 * math.pi * 5):sin()):abs()
--- print(power:argmax() - 1)  --> 5
--- ```
---@param a orowan.tensor|table [..., n] real
---@param options? {n: integer, axis: integer, norm: string, plan: string, out: orowan.tensor} n: length (default the input's); axis: default -1; norm, plan: see above; out: contiguous result to write into (may be a complex input itself)
---@return orowan.tensor X [..., n//2 + 1] complex
function ow.rfft(a, options) end

--- Inverse of `rfft`. For odd n it must be given: it cannot be seen from the input. The
--- imaginary parts at frequency 0 and, for even n, at n/2 are taken as 0.
---@param a orowan.tensor|table [..., n//2 + 1], the non-negative frequencies
---@param options? {n: integer, axis: integer, norm: string, plan: string, out: orowan.tensor} n: length (default 2 (m - 1) for m frequencies); axis: default -1; norm, plan: see above; out: contiguous result to write into (may be a complex input itself)
---@return orowan.tensor x [..., n] real
function ow.irfft(a, options) end

--- Fourier transform over two axes.
---@param a orowan.tensor|table real or complex
---@param options? {s: integer[], axes: integer[], norm: string, plan: string, out: orowan.tensor} s: lengths, one for each axis; axes: default the last two, {-2, -1}; norm, plan: see above; out: contiguous result to write into
---@return orowan.tensor X complex
function ow.fft2(a, options) end

--- Inverse Fourier transform over two axes.
---@param a orowan.tensor|table real or complex
---@param options? {s: integer[], axes: integer[], norm: string, plan: string, out: orowan.tensor} s: lengths, one for each axis; axes: default the last two, {-2, -1}; norm, plan: see above; out: contiguous result to write into
---@return orowan.tensor x complex
function ow.ifft2(a, options) end

--- Fourier transform of real data over two axes; the last of them is halved as in `rfft`.
---@param a orowan.tensor|table real
---@param options? {s: integer[], axes: integer[], norm: string, plan: string, out: orowan.tensor} s: lengths, one for each axis; axes: default the last two, {-2, -1}; norm, plan: see above; out: contiguous result to write into
---@return orowan.tensor X complex, n//2 + 1 along the last axis listed
function ow.rfft2(a, options) end

--- Inverse of `rfft2`; the last axis listed is completed as in `irfft`.
---@param a orowan.tensor|table half spectrum
---@param options? {s: integer[], axes: integer[], norm: string, plan: string, out: orowan.tensor} s: lengths, one for each axis; axes: default the last two, {-2, -1}; norm, plan: see above; out: contiguous result to write into
---@return orowan.tensor x real
function ow.irfft2(a, options) end

--- Fourier transform over several axes.
---@param a orowan.tensor|table real or complex
---@param options? {s: integer[], axes: integer[], norm: string, plan: string, out: orowan.tensor} s: lengths, one for each axis; axes: default all; norm, plan: see above; out: contiguous result to write into
---@return orowan.tensor X complex
function ow.fftn(a, options) end

--- Inverse Fourier transform over several axes.
---@param a orowan.tensor|table real or complex
---@param options? {s: integer[], axes: integer[], norm: string, plan: string, out: orowan.tensor} s: lengths, one for each axis; axes: default all; norm, plan: see above; out: contiguous result to write into
---@return orowan.tensor x complex
function ow.ifftn(a, options) end

--- Fourier transform of real data over several axes; the last of them is halved as in `rfft`.
---@param a orowan.tensor|table real
---@param options? {s: integer[], axes: integer[], norm: string, plan: string, out: orowan.tensor} s: lengths, one for each axis; axes: default all; norm, plan: see above; out: contiguous result to write into
---@return orowan.tensor X complex, n//2 + 1 along the last axis listed
function ow.rfftn(a, options) end

--- Inverse of `rfftn`; the last axis listed is completed as in `irfft`.
---@param a orowan.tensor|table half spectrum
---@param options? {s: integer[], axes: integer[], norm: string, plan: string, out: orowan.tensor} s: lengths, one for each axis; axes: default all; norm, plan: see above; out: contiguous result to write into
---@return orowan.tensor x real
function ow.irfftn(a, options) end

--- Frequencies of the elements of an `fft` of n samples at spacing d: 0, 1, ..., then the
--- negative ones, in units of 1/(n d) (cycles per unit of d).
---@param n integer number of samples, 1 or more
---@param d? number spacing of the samples, above 0; default 1
---@return orowan.tensor f [n] f64
function ow.fftfreq(n, d) end

--- Frequencies of the elements of an `rfft` of n samples at spacing d: 0 to n//2, in units of
--- 1/(n d).
---@param n integer number of samples, 1 or more
---@param d? number spacing of the samples, above 0; default 1
---@return orowan.tensor f [n//2 + 1] f64
function ow.rfftfreq(n, d) end

--- Moves frequency 0 from the start to the middle (element n//2 + 1) of each axis; a copy.
---@param a orowan.tensor|table
---@param options? {axes: integer[]} default all
---@return orowan.tensor b same shape and dtype
function ow.fftshift(a, options) end

--- Undoes `fftshift`, also for odd sizes; a copy.
---@param a orowan.tensor|table
---@param options? {axes: integer[]} default all
---@return orowan.tensor b same shape and dtype
function ow.ifftshift(a, options) end

--- What the plan cache holds and did since the start.
---@return {cached: integer, planned: integer, hits: integer} counts plans held, plans made, lookups served
function ow.fft_plans() end

--- Drops all cached plans.
function ow.fft_forget() end

return ow
