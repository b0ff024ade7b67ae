// The rows of the table of network kernels. Each is defined as ow_nn_NAME in the file named
// in the comment before it; bindings, backend_spec and the docs walk this list.
#ifndef OW_NN_LIST_H
#define OW_NN_LIST_H
#define OW_NN_LIST(NN) \
  /* activation.c */ NN(activation) NN(activation_grad) \
  /* conv.c */ NN(conv) NN(conv_grad_input) NN(conv_grad_weight) \
  /* matmul.c */ NN(matmul) NN(linear) \
  /* softmax.c */ NN(softmax) NN(softmax_grad) \
  /* dropout.c */ NN(dropout) \
  /* norm_batch.c */ NN(batch_norm) NN(batch_norm_grad) \
  /* norm_group.c */ NN(group_norm) NN(group_norm_grad) NN(layer_norm) NN(layer_norm_grad) \
  /* pool.c */ NN(max_pool) NN(max_pool_grad) NN(avg_pool) NN(avg_pool_grad) \
  /* resize.c */ NN(resize) NN(resize_grad) \
  /* grid_sample.c */ NN(grid_sample) NN(grid_sample_grad) \
  /* roi_align.c */ NN(roi_align) NN(roi_align_grad) \
  /* rows.c */ NN(gather_rows) NN(index_add) \
  /* segment.c */ NN(segment_reduce) NN(segment_reduce_grad) \
  /* loss.c */ NN(loss) NN(loss_grad) \
  /* cross_entropy.c */ NN(cross_entropy) NN(cross_entropy_grad) \
  /* optim.c */ NN(sgd) NN(rmsprop) NN(adam) \
  /* measure.c */ NN(sum_squares) NN(first_nonfinite)

#endif
