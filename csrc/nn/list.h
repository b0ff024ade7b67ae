// The rows of the table of network kernels. Each is defined as ow_nn_NAME in the file named
// in the comment before it; bindings, backend_spec and the docs walk this list.
#ifndef OW_NN_LIST_H
#define OW_NN_LIST_H
#define OW_NN_LIST(NN) \
  /* activation.c */ NN(activation) NN(activation_grad) \
  /* conv.c */ NN(conv) NN(conv_grad_input) NN(conv_grad_weight) \
  /* matmul.c */ NN(matmul) NN(linear)

#endif
