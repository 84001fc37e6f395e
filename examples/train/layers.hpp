// What a GPT-2 layer is made of besides attention, forward and backward, for a block of rows; one row for each token.
// dX stands for the gradient of the loss by X.  Nothing here starts a thread: who calls splits the rows.
//
// The bodies are a source of their own (layers.cpp), compiled with -march=native, which Eigen's products ask for and
// glint's attention does not.
#pragma once

#include "block.hpp"

namespace train {

struct Linear {
  Out weight, bias;  // W: [in][out]
};
// y = x W + b
void linear(In x, const Linear& l, Out y);
// y += x W + b
void add_linear(In x, const Linear& l, Out y);
// dx = dy W^T
void linear_backward(In dy, const Linear& l, Out dx);
// dW = x^T dy: `count` rows of it
void weight_gradient(In x, In dy, Index first, Index count, const Linear& gradient);
// db = sum of dy over rows
void bias_gradient(In dy, const Linear& gradient);

struct Norm {
  Out gain, bias;
};
// y = n gain + bias, where n = (x - mean) / deviation, both of the row; (mean, 1 / deviation) are kept in `moments`.
void norm(In x, const Norm& n, Out y, Out moments);
// dx += (g - mean(g) - n mean(g n)) / deviation, where g = gain dy
void add_norm_backward(In dy, In x, In moments, const Norm& n, Out dx);
// dgain = sum of dy n,  dbias = sum of dy, over rows
void norm_gradient(In dy, In x, In moments, const Norm& gradient);

// y = x (1 + tanh u) / 2, u = sqrt(2 / pi) (x + 0.044715 x^3)
void gelu(In x, Out y);
// dx = dy (1 + tanh u + x (1 - tanh^2 u) du/dx) / 2, in the place of dy
void gelu_backward(In x, Out dy);

// losses[r] = ln sum exp(logits) - logits[target]; in the place of the logits, factor * (softmax - one-hot target).
void cross_entropy(Out logits, const int* targets, float factor, double* losses);

// One step of AdamW (Loshchilov and Hutter, 2019).
struct AdamStep {
  float rate = 0;            // of learning
  float first = 0.9F;        // decay of the mean gradient
  float second = 0.99F;      // and of its square
  float first_bias = 1;      // 1 - first^steps
  float second_bias = 1;     // 1 - second^steps
  float decay = 0;           // of weights
  float gradient_scale = 1;  // clips the gradient
};
void adam(const AdamStep& step, In gradient, Out weight, Out mean, Out square);
double squared_norm(In x);

}  // namespace train
