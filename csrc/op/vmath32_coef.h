// Made by spec/fixtures/vmath_coefficients.py f32; do not edit.
#ifndef OW_OP_VMATH32_COEF_H
#define OW_OP_VMATH32_COEF_H
static const float LN2_1 = 0x1.62e4300000000p-1f;
static const float LN2_2 = -0x1.05c6100000000p-29f;
static const float LOG2E_1 = 0x1.7154760000000p+0f;
static const float LOG2E_2 = 0x1.4ae0c00000000p-26f;
static const float LOG10E_1 = 0x1.bcb7b20000000p-2f;
static const float LOG10E_2 = -0x1.5b235e0000000p-27f;
static const float LOG10_2_1 = 0x1.3440000000000p-2f;
static const float LOG10_2_2 = 0x1.3509f80000000p-18f;
static const float LN2_16 = 0x1.62e4000000000p-1f;
static const float LN2_REST = 0x1.7f7d1c0000000p-20f;
static const float PIO2_1 = 0x1.921fb60000000p+0f;
static const float PIO2_2 = -0x1.777a5c0000000p-25f;
static const float PIO2_3 = -0x1.ee59da0000000p-50f;
static const float INV_PIO2_1 = 0x1.45f3060000000p-1f;
// exp(r) = 1 + r + r^2 P(r), |r| < ln2/2; error 3.3e-9
static const float EXP_C[5] = {
    0x1.fffffc0000000p-2f,
    0x1.55548e0000000p-3f,
    0x1.5558aa0000000p-5f,
    0x1.123bee0000000p-7f,
    0x1.6a5eae0000000p-10f};
// exp(r) = 1 + r + r^2 P(r), |r| < ln2/2; error 1.3e-10
static const float EXPM1_C[6] = {
    0x1.0000000000000p-1f,
    0x1.5555520000000p-3f,
    0x1.5554e40000000p-5f,
    0x1.1115ba0000000p-7f,
    0x1.6d51620000000p-10f,
    0x1.9a938c0000000p-13f};
// 2^r = 1 + r P(r), |r| < 1/2; error 3.6e-9
static const float EXP2_C[6] = {
    0x1.62e4300000000p-1f,
    0x1.ebfbd80000000p-3f,
    0x1.c6af780000000p-5f,
    0x1.3b30b00000000p-7f,
    0x1.5f0a660000000p-10f,
    0x1.3f979e0000000p-13f};
// sinh(x) = x + x z P(z), z = x^2, |x| <= 1; error 3.6e-10
static const float SINH_C[4] = {
    0x1.5555560000000p-3f,
    0x1.1110ea0000000p-7f,
    0x1.a01c1e0000000p-13f,
    0x1.76785c0000000p-19f};
// tanh(x) = x + x z P(z), z = x^2, |x| <= 5/8; error 4.6e-9
static const float TANH_C[5] = {
    -0x1.5555320000000p-2f,
    0x1.1106f40000000p-3f,
    -0x1.b835700000000p-5f,
    0x1.51f8820000000p-6f,
    -0x1.7511100000000p-8f};
// log(1 + f) = f / log(e) + f^2 P(f), -1/3 <= f < 1/3; error 5.0e-9
static const float LOG_C[9] = {
    -0x1.0000000000000p-1f,
    0x1.5555000000000p-2f,
    -0x1.ffff6a0000000p-3f,
    0x1.99d2680000000p-3f,
    -0x1.55884e0000000p-3f,
    0x1.1eb8de0000000p-3f,
    -0x1.f562840000000p-4f,
    0x1.1ee68a0000000p-3f,
    -0x1.0304660000000p-3f};
// log2(1 + f) = f / log(2) + f^2 P(f), -1/3 <= f < 1/3; error 5.1e-9
static const float LOG2_C[9] = {
    -0x1.7154760000000p-1f,
    0x1.ec70240000000p-2f,
    -0x1.7154440000000p-2f,
    0x1.279f800000000p-2f,
    -0x1.ecada60000000p-3f,
    0x1.9dae0a0000000p-3f,
    -0x1.6a33e40000000p-3f,
    0x1.9dca580000000p-3f,
    -0x1.73b3800000000p-3f};
// log10(1 + f) = f / log(10) + f^2 P(f), -1/3 <= f < 1/3; error 8.4e-10
static const float LOG10_C[10] = {
    -0x1.bcb7b20000000p-3f,
    0x1.287a760000000p-3f,
    -0x1.bcb6660000000p-4f,
    0x1.63c5720000000p-4f,
    -0x1.28c2560000000p-4f,
    0x1.fcacaa0000000p-5f,
    -0x1.b0cb460000000p-5f,
    0x1.8135880000000p-5f,
    -0x1.cd112e0000000p-5f,
    0x1.a184940000000p-5f};
// sin(r) = r + r z P(z), z = r^2, |r| < pi/4; error 4.2e-9
static const float SIN_C[3] = {
    -0x1.5555440000000p-3f,
    0x1.1106d60000000p-7f,
    -0x1.9924580000000p-13f};
// cos(r) = 1 - z/2 + z^2 P(z), z = r^2, |r| < pi/4; error 1.3e-10
static const float COS_C[3] = {
    0x1.55554a0000000p-5f,
    -0x1.6c0c1e0000000p-10f,
    0x1.99e3300000000p-16f};
// tan(r) = r + r z P(z), z = r^2, |r| < pi/4; error 1.6e-9
static const float TAN_C[7] = {
    0x1.5555620000000p-2f,
    0x1.110d2c0000000p-3f,
    0x1.baec040000000p-5f,
    0x1.5c0e4a0000000p-6f,
    0x1.664e760000000p-7f,
    -0x1.2c84660000000p-15f,
    0x1.22e27a0000000p-8f};
// erf(x) = x + x P(x^2), |x| <= 1; error 1.5e-9
static const float ERF_C[7] = {
    0x1.06eba80000000p-3f,
    -0x1.81273e0000000p-2f,
    0x1.ce2cf00000000p-4f,
    -0x1.b7f8540000000p-6f,
    0x1.53ff4c0000000p-8f,
    -0x1.a3c6460000000p-11f,
    0x1.48e2ae0000000p-14f};
// erfc(x) = exp(P(x - 1)), 1 <= x <= 4, absolute; error 5.7e-9
static const float ERFC_C[8] = {
    -0x1.d97fc00000000p+0f,
    -0x1.51c9a00000000p+1f,
    -0x1.afae420000000p-1f,
    -0x1.53d5380000000p-5f,
    0x1.43f6160000000p-7f,
    -0x1.e500c40000000p-10f,
    0x1.b923780000000p-13f,
    -0x1.d425620000000p-18f};
// asin(s) = s + s z P(z), z = s^2, |s| <= 1/2; error 5.0e-9
static const float ASIN_C[5] = {
    0x1.5555c80000000p-3f,
    0x1.3302460000000p-4f,
    0x1.7472120000000p-5f,
    0x1.8caece0000000p-6f,
    0x1.58f45e0000000p-5f};
// atan(t) = t + t z P(z), z = t^2, |t| <= 1; error 4.3e-9
static const float ATAN_C[9] = {
    -0x1.55553e0000000p-2f,
    0x1.9991c60000000p-3f,
    -0x1.241e9a0000000p-3f,
    0x1.c0741e0000000p-4f,
    -0x1.57bb6c0000000p-4f,
    0x1.d9121c0000000p-5f,
    -0x1.fb41240000000p-6f,
    0x1.61b67c0000000p-7f,
    -0x1.ceff520000000p-10f};
// atanh(s) = s + s z P(z), z = s^2, |s| <= 0.265; error 4.3e-10
static const float ATANH_C[4] = {
    0x1.55554a0000000p-2f,
    0x1.99a61e0000000p-3f,
    0x1.2277680000000p-3f,
    0x1.067ac20000000p-3f};
// m^(-1/3) = P(m), 1 <= m < 2; error 3.9e-5
static const float CBRT_C[5] = {
    0x1.ab85bc0000000p+0f,
    -0x1.2c3e3a0000000p+0f,
    0x1.64063e0000000p-1f,
    -0x1.c4eca20000000p-3f,
    0x1.d422f00000000p-6f};
static const float CBRT2 = 0x1.428a300000000p+0f;
#endif
