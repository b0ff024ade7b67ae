// Made by spec/fixtures/vmath_coefficients.py; do not edit.
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
// sin(r) = r + r z P(z), |r| < pi/4; error 1.3e-17
static const double KSIN_C[6] = {
    -0x1.5555555555555p-3,
    0x1.1111111110ba5p-7,
    -0x1.a01a019e80693p-13,
    0x1.71de379252004p-19,
    -0x1.ae60069e53ef1p-26,
    0x1.5e098556d302ep-33};
// cos(r) = 1 - z/2 + z^2 P(z), |r| < pi/4; error 4.9e-19
static const double KCOS_C[6] = {
    0x1.5555555555555p-5,
    -0x1.6c16c16c16960p-10,
    0x1.a01a019f4d0edp-16,
    -0x1.27e4fa15bd814p-22,
    0x1.1eeb66b683028p-29,
    -0x1.907c0e63adbb6p-37};
// erf(x) = x + x P(x^2), |x| <= 1; error 3.8e-23
static const double ERF_C[15] = {
    0x1.06eba8214db69p-3,
    -0x1.812746b0379e7p-2,
    0x1.ce2f21a042be2p-4,
    -0x1.b82ce31288b47p-6,
    0x1.565bcd0e6a2e8p-8,
    -0x1.c02db40035d75p-11,
    0x1.f9a326f7a7d79p-14,
    -0x1.f4d25bf929e28p-17,
    0x1.b9e6c383b3297p-20,
    -0x1.5f73c32565d65p-23,
    0x1.fcbb250d21c51p-27,
    -0x1.517c8c59c6672p-30,
    0x1.9a0cd61504766p-34,
    -0x1.b3fec4af9bf8ap-38,
    0x1.3bdcc96384a07p-42};
// erfc(x) = exp(P(x - 2)), 1 <= x <= 6, absolute; error 7.0e-21
static const double ERFC_C[22] = {
    -0x1.575b329b1f516p+2,
    -0x1.1ac3258a8dc2cp+2,
    -0x1.d8f5dece92395p-1,
    -0x1.0dc3b5fb10b51p-6,
    0x1.d406b373a26ebp-9,
    -0x1.7ffcfb46db1f0p-11,
    0x1.1bc3a6080c382p-13,
    -0x1.5b656f8fe937fp-16,
    0x1.0604566d8f1dep-19,
    0x1.b549f08720612p-23,
    -0x1.73e61a5d7d03ep-23,
    0x1.f0ace0e2b741ap-25,
    -0x1.e042c16ec48fdp-27,
    0x1.5a5f7572f3d40p-29,
    -0x1.19b37736c4bd2p-32,
    -0x1.3fd2e7a6e2669p-35,
    0x1.06c2896a1a156p-35,
    -0x1.6886b223ac6a0p-37,
    0x1.5157788722d30p-39,
    -0x1.a6cc39396a726p-42,
    0x1.33c0871aff44ep-45,
    -0x1.72d25a70d3e97p-50};
