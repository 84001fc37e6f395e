// The textbook way with OpenBLAS for the products and Eigen for what lies between them, one thread.  Built where
// OpenBLAS is installed; then GLINT_BENCH_OPENBLAS is defined.
#pragma once

#include "support/unfused_eigen.hpp"

namespace unfused {

// As attention() of unfused_eigen.hpp.
void attention_blas(const Head& head, float* scores);

// As gradient().
void gradient_blas(const GradientHead& head, float* scratch);

// OpenBLAS's name for the kernels that it chose here.
const char* blas_kernels();

}  // namespace unfused
