// Made by spec/fixtures/vmath_coefficients.py; do not edit.
#ifndef OW_OP_VMATH_COEF_H
#define OW_OP_VMATH_COEF_H
static const double LN2_HI = 0x1.62e42fee00000p-1;
static const double LN2_LO = 0x1.a39ef35793c76p-33;
static const double LOG2E = 0x1.71547652b82fep+0;
static const double LOG2E_HI = 0x1.7154700000000p+0;
static const double LOG2E_LO = 0x1.94ae0bf85ddf4p-22;
static const double LOG10E_HI = 0x1.bcb7b00000000p-2;
static const double LOG10E_LO = 0x1.526e50e32a6abp-26;
static const double LOG10_2_HI = 0x1.3441350800000p-2;
static const double LOG10_2_LO = 0x1.f79fef311f12bp-34;
static const double LN2_D = 0x1.62e42fefa39efp-1;
static const double LN2_D2 = 0x1.abc9e3b39803fp-56;
static const double PI_1 = 0x1.921fb54400000p+1;
static const double PI_2 = 0x1.0b4611a600000p-33;
static const double PI_3 = 0x1.3198a2e037073p-68;
static const double INV_PI = 0x1.45f306dc9c883p-2;
static const double PIO2_1 = 0x1.921fb54400000p+0;
static const double PIO2_2 = 0x1.0b4611a600000p-34;
static const double PIO2_3 = 0x1.3198a2e037073p-69;
static const double INV_PIO2 = 0x1.45f306dc9c883p-1;
static const double PIO2_D = 0x1.921fb54442d18p+0;
static const double PIO2_D2 = 0x1.1a62633145c07p-54;
// exp(r) = 1 + r + r^2 P(r), |r| < ln2/2; error 2.3e-19
static const double EXP_C[11] = {
    0x1.0000000000000p-1,
    0x1.5555555555557p-3,
    0x1.5555555555556p-5,
    0x1.11111111100bep-7,
    0x1.6c16c16c162c3p-10,
    0x1.a01a01abf85abp-13,
    0x1.a01a01a6e1e2ap-16,
    0x1.71de01fdbf9cap-19,
    0x1.27e4db46cddd1p-22,
    0x1.af4e554377204p-26,
    0x1.1f7340dbc337ep-29};
// exp(r) = 1 + r + r^2 P(r), |r| < ln2/2; error 2.2e-10
static const double EXP_SHORT[6] = {
    0x1.0000000ba132cp-1,
    0x1.5555555a800cdp-3,
    0x1.5554e8a22b84cp-5,
    0x1.1110e0c5c7f50p-7,
    0x1.6d43af18200d3p-10,
    0x1.a1256cd2f13c2p-13};
// log((1+s)/(1-s)) = 2s + s z P(z), z = s^2; error 4.6e-18
static const double LOG_C[7] = {
    0x1.5555555555558p-1,
    0x1.9999999995273p-2,
    0x1.2492492dfd86cp-2,
    0x1.c71c62d5e53e0p-3,
    0x1.7462b91b8df65p-3,
    0x1.39fdcceb4bb45p-3,
    0x1.2b5f68a50d903p-3};
// log((1+s)/(1-s)) = 2s + s z P(z), z = s^2; error 2.8e-9
static const double LOG_SHORT[3] = {
    0x1.55555b845a1abp-1,
    0x1.997c210804f89p-2,
    0x1.2ee8c79e1b67cp-2};
// log((1+s)/(1-s)) = 2s + s z (2/3 + z P(z)); error 8.2e-22
static const double POW_C[8] = {
    0x1.999999999999ap-2,
    0x1.2492492492522p-2,
    0x1.c71c71c6ea5acp-3,
    0x1.745d177ad436ap-3,
    0x1.3b1395b82701ep-3,
    0x1.1118cd67251c5p-3,
    0x1.df7ba1f4809c3p-4,
    0x1.e03a7acf07f85p-4};
static const double TWO_THIRDS = 0x1.5555555555555p-1;
static const double TWO_THIRDS_LO = 0x1.5555555555555p-55;
// sin(r) = r + r z P(z), |r| < pi/2; error 1.3e-18
static const double SIN_C[8] = {
    -0x1.5555555555555p-3,
    0x1.1111111111107p-7,
    -0x1.a01a01a018a6bp-13,
    0x1.71de3a5453a9cp-19,
    -0x1.ae6455a012592p-26,
    0x1.612400c8c470dp-33,
    -0x1.ae5109fea6b7ap-41,
    0x1.899eb3575b7f2p-49};
// sin(r) = r + r z P(z), |r| < pi/2; error 1.1e-10
static const double SIN_SHORT[5] = {
    -0x1.555555545de0bp-3,
    0x1.11110fd8364f3p-7,
    -0x1.a0190439fe6c3p-13,
    0x1.719648efb923dp-19,
    -0x1.9da9682c156a5p-26};
// tan(r) = r + r z P(z), |r| < pi/4; error 5.4e-17
static const double TAN_C[14] = {
    0x1.5555555555554p-2,
    0x1.11111111116ecp-3,
    0x1.ba1ba1b98237ep-5,
    0x1.664f48b41a15bp-6,
    0x1.226e2d1c9078ep-7,
    0x1.d6d57715d7967p-9,
    0x1.7d8832d78c3d1p-10,
    0x1.3686bc0e4147fp-11,
    0x1.e34ccb9087620p-13,
    0x1.f80238a56554ep-14,
    -0x1.f31674d66d708p-19,
    0x1.21571d39ee54dp-14,
    -0x1.1d6a8c6a9d4d7p-15,
    0x1.33085dbacf4fcp-16};
// asin(s) = s + s z P(z), z = s^2, |s| <= 1/2; error 3.8e-18
static const double ASIN_C[13] = {
    0x1.5555555555556p-3,
    0x1.3333333332ecap-4,
    0x1.6db6db6e31f13p-5,
    0x1.f1c71c1db0623p-6,
    0x1.6e8bb1c8209a2p-6,
    0x1.1c4d35cf95421p-6,
    0x1.c9cf07674736ap-7,
    0x1.782651caa6547p-7,
    0x1.52420b04b37bep-7,
    0x1.65a9c4dfcf8b2p-8,
    0x1.1d189408314eep-6,
    -0x1.e6aaa8a0a04ccp-7,
    0x1.d72b2bc8155f8p-6};
// atan(t) = t + t z P(z), z = t^2, |t| <= tan(pi/8); error 1.7e-19
static const double ATAN_C[12] = {
    -0x1.5555555555555p-2,
    0x1.9999999999953p-3,
    -0x1.249249248d7d1p-3,
    0x1.c71c71c3035c8p-4,
    -0x1.745d165db0b8dp-4,
    0x1.3b1392d24f335p-4,
    -0x1.110e878213482p-4,
    0x1.e19a07798598ep-5,
    -0x1.ac7a3950dffbap-5,
    0x1.74dc387c1a6f4p-5,
    -0x1.1b2f96cc7eca8p-5,
    0x1.0aca40aeebce0p-6};
// atanh(s) = s + s z P(z), z = s^2, |s| <= 0.265; error 1.5e-18
static const double ATANH_C[9] = {
    0x1.5555555555556p-2,
    0x1.9999999999304p-3,
    0x1.249249252e420p-3,
    0x1.c71c7115a687dp-4,
    0x1.745d49b93d5eep-4,
    0x1.3b0ba9df1a8b9p-4,
    0x1.11d017482ae0bp-4,
    0x1.cd6bec0a3bd23p-5,
    0x1.211a21c335d87p-4};
// m^(-1/3) = P(m), 1 <= m < 2; error 8.9e-7
static const double CBRT_C[7] = {
    0x1.e139625db8946p+0,
    -0x1.fc41d9bfea6efp+0,
    0x1.fa1be20f79ccep+0,
    -0x1.45faf094f1daep+0,
    0x1.0104d86811ce0p-1,
    -0x1.c43c6e8478dafp-4,
    0x1.5468d0c2daafcp-7};
static const double CBRT2 = 0x1.428a2f98d728bp+0;
#endif
