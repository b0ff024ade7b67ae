// The activation functions that rows of this table can apply.
#ifndef OW_NN_ACTIVATION_H
#define OW_NN_ACTIVATION_H
enum { OW_ACT_NONE, OW_ACT_RELU, OW_ACT_LEAKY_RELU, OW_ACT_ELU, OW_ACT_GELU, OW_ACT_SIGMOID, OW_ACT_TANH,
       OW_ACT_SOFTPLUS, OW_ACT_SILU };
#define OW_ACT_WORDS "none relu leaky_relu elu gelu sigmoid tanh softplus silu"
#endif
