// The textbook way, for comparison: per head a float GEMM, a softmax and a GEMM of Eigen, with the whole score matrix
// in memory; of a gradient five GEMMs, with two such matrices.  No Eigen type is named here: unfused_eigen.cpp is
// compiled with -march=native, its callers are not.
#pragma once

namespace unfused {

// One head; rows are strided, columns adjacent.  Query row r sees the keys from first[r] (null: 0) to before visible[r]
// (null: all) but for those whose byte in its row of `drop` is not 0.  A row that sees none gives zeros.
struct Head {
  const float* q = nullptr;
  const float* k = nullptr;
  const float* v = nullptr;
  float* out = nullptr;
  long q_rows = 0, keys = 0, dim = 0;
  long q_stride = 0, kv_stride = 0, out_stride = 0;
  float scale = 1;
  const long* visible = nullptr;
  const long* first = nullptr;
  const unsigned char* drop = nullptr;
  long drop_stride = 0;
  long value_dim = 0, v_stride = 0;  // of v and out; 0: as dim, as kv_stride
  float* max = nullptr;              // [q_rows], where the statistics are wanted
  float* sum = nullptr;

  long value_size() const { return value_dim != 0 ? value_dim : dim; }
  long value_stride() const { return v_stride != 0 ? v_stride : kv_stride; }
};

// `scores` holds q_rows * keys floats.
void attention(const Head& head, float* scores);

// The middle of it: head.scale times q k^T is in `scores`, probabilities come out.
void softmax(const Head& head, float* scores);

// The gradient of one head, whose output and statistics the forward has left.
struct GradientHead {
  Head forward{};
  const float* d_out = nullptr;
  const float* max = nullptr;  // [q_rows], of the scores
  const float* sum = nullptr;  // of exp(score - max)
  float* d_q = nullptr;
  float* d_k = nullptr;
  float* d_v = nullptr;
  bool add = false;                                                       // to d_k and d_v: heads that share keys
  long d_out_stride = 0, d_q_stride = 0, d_k_stride = 0, d_v_stride = 0;  // 0: as of what they belong to
};

// `scratch` holds 2 * q_rows * keys floats.
void gradient(const GradientHead& head, float* scratch);

// What lies between its products: scale times q k^T becomes P, and d_out v^T becomes dS.
void probabilities(const GradientHead& head, float* scores);
void score_gradient(const GradientHead& head, const float* p, float* d_scores);

// How a cache stores numbers.  int8: those that become numbers by a factor for each channel.
enum class Stored { f32, f16, bf16, int8 };

// Rows of numbers to dense rows of floats, and back, but for int8.
void to_floats(Stored stored, const void* from, long stride, long rows, long dim, float* to);
void from_floats(const float* from, long rows, long dim, Stored stored, void* to, long stride);

// One kv head of a cache and the query rows that share it, all rows dense.
struct CacheHead {
  const float* q = nullptr;
  const void* k = nullptr;
  const void* v = nullptr;
  float* out = nullptr;
  long q_rows = 0, keys = 0, dim = 0;
  float scale = 1;
  Stored stored = Stored::f32;
  const float* k_factors = nullptr;  // [dim]; of int8
  const float* v_factors = nullptr;
};

// Caches of other types than f32 are converted to a matrix of floats on the way.  `scratch` holds
// q_rows * (keys + dim) + keys * dim floats.
void decode(const CacheHead& head, float* scratch);

// The vector instructions that this Eigen was compiled for.
const char* instruction_sets();

}  // namespace unfused
