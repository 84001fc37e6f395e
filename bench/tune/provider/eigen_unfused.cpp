// The example of a foreign kernel: a product, a softmax and a product of Eigen for each head, or the five products of
// the gradient, with the whole score matrix in memory.  Floats are read and written in place; other types, and pages,
// are converted to dense rows of floats on the way.
#include <algorithm>
#include <cfloat>
#include <cstring>

#include "provider.h"
#include "support/unfused_eigen.hpp"

namespace {

using unfused::Stored;

constexpr uint64_t kHonored = GLINT_NEEDS_GROUPS | GLINT_NEEDS_VALUE_DIM | GLINT_NEEDS_WINDOW | GLINT_NEEDS_MASK |
                              GLINT_NEEDS_LENGTHS | GLINT_NEEDS_PAGES | GLINT_NEEDS_STATISTICS | GLINT_NEEDS_DTYPES;

bool is_known(uint32_t dtype) { return dtype == GLINT_F32 || dtype == GLINT_F16 || dtype == GLINT_BF16; }
Stored stored(const glint_tensor& t) {
  return t.dtype == GLINT_F32 ? Stored::f32 : t.dtype == GLINT_F16 ? Stored::f16 : Stored::bf16;
}

// With one query row for each head, the heads of a group are the rows of one matrix.
bool heads_are_rows(const glint_problem& p) { return p.q_len == 1; }
int64_t group(const glint_problem& p) { return p.heads / p.kv_heads; }
int64_t matrix_rows(const glint_problem& p) { return heads_are_rows(p) ? group(p) : p.q_len; }
int64_t matrix_stride(const glint_problem& p, const glint_tensor& t) {
  return heads_are_rows(p) ? t.head_stride : t.row_stride;
}

// Where things lie in the workspace.  Without memory it only adds up how much there has to be.
struct Scratch {
  long *first, *visible;
  float *scores, *q, *k, *v, *out, *d_out, *d_q, *d_k, *d_v;
  int64_t bytes = 0;

  Scratch(const glint_problem& p, void* memory) : memory_(static_cast<char*>(memory)) {
    const int64_t rows = matrix_rows(p);
    first = take<long>(rows);
    visible = take<long>(rows);
    scores = take<float>(rows * p.kv_len * (p.op == GLINT_BACKWARD ? 2 : 1));
    q = room(p.q, rows * p.head_dim);
    k = room(p.k, p.kv_len * p.head_dim, p.block_table != nullptr);
    v = room(p.v, p.kv_len * p.value_dim, p.block_table != nullptr);
    out = room(p.out, rows * p.value_dim);
    const bool backward = p.op == GLINT_BACKWARD;
    d_out = backward ? room(p.d_out, rows * p.value_dim) : nullptr;
    d_q = backward ? room(p.d_q, rows * p.head_dim) : nullptr;
    d_k = backward ? room(p.d_k, p.kv_len * p.head_dim) : nullptr;
    d_v = backward ? room(p.d_v, p.kv_len * p.value_dim) : nullptr;
  }

 private:
  template <class Item>
  Item* take(int64_t count) {
    Item* const begin = reinterpret_cast<Item*>(memory_ + bytes);
    bytes += (count * static_cast<int64_t>(sizeof(Item)) + 63) / 64 * 64;
    return begin;
  }
  float* room(const glint_tensor& t, int64_t count, bool scattered = false) {
    return take<float>(t.dtype != GLINT_F32 || scattered ? count : 0);
  }

  char* memory_;
};

// Rows of floats: those of a tensor, or dense ones that stand in for them.
struct Floats {
  float* data;
  long stride;
};

struct Place {  // of a matrix in a tensor
  void* begin;
  int64_t stride, rows, dim;
};

Floats in_place_or(const glint_tensor& t, const Place& at, float* room) {
  if (t.dtype == GLINT_F32) return {static_cast<float*>(at.begin), at.stride};
  return {room, at.dim};
}
Floats read(const glint_tensor& t, const Place& at, float* room) {
  const Floats rows = in_place_or(t, at, room);
  if (rows.data == room) unfused::to_floats(stored(t), at.begin, at.stride, at.rows, at.dim, room);
  return rows;
}
void write_back(const glint_tensor& t, const Place& at, const float* room) {
  if (t.dtype != GLINT_F32) unfused::from_floats(room, at.rows, at.dim, stored(t), at.begin, at.stride);
}

struct Span {
  int64_t from, to;
};
void clear(const glint_tensor& t, int64_t b, int64_t head, Span rows, int64_t dim) {
  const std::size_t bytes = static_cast<std::size_t>(dim) * (t.dtype == GLINT_F32 ? 4 : 2);
  for (int64_t row = rows.from; row < rows.to; ++row) std::memset(glint_row(&t, b, head, row), 0, bytes);
}

// One kv head and the query heads that share it.
class Group {
 public:
  Group(const glint_problem& p, const Scratch& scratch, int64_t b, int64_t kv_head)
      : p_(p), s_(scratch), b_(b), kv_head_(kv_head), keys_(glint_keys(&p, b)) {}

  void run() {
    const bool backward = p_.op == GLINT_BACKWARD;
    if (keys_ > 0) {
      const Floats k = keys(p_.k, p_.head_dim, s_.k), v = keys(p_.v, p_.value_dim, s_.v);
      const int64_t first = kv_head_ * group(p_), step = heads_are_rows(p_) ? group(p_) : 1;
      for (int64_t head = first; head < first + group(p_); head += step)
        backward ? differentiate(head, k, v, head > first) : attend(head, k, v);
    } else {
      clear_queries();
    }
    if (!backward) return;
    finish_keys(p_.d_k, p_.head_dim, s_.d_k);
    finish_keys(p_.d_v, p_.value_dim, s_.d_v);
  }

 private:
  Place queries(const glint_tensor& t, int64_t head, int64_t dim) const {
    return {glint_row(&t, b_, head, 0), matrix_stride(p_, t), matrix_rows(p_), dim};
  }
  Place key_rows(const glint_tensor& t, int64_t dim) const {
    return {glint_row(&t, b_, kv_head_, 0), t.row_stride, keys_, dim};
  }

  Floats keys(const glint_tensor& t, int64_t dim, float* room) const {
    if (p_.block_table == nullptr) return read(t, key_rows(t, dim), room);
    for (int64_t key = 0; key < keys_; key += p_.block_size)
      unfused::to_floats(stored(t), glint_key_row(&p_, &t, b_, kv_head_, key), t.row_stride,
                         std::min(p_.block_size, keys_ - key), dim, room + key * dim);
    return {room, dim};
  }

  void attend(int64_t head, const Floats& k, const Floats& v) const {
    const Place out = queries(p_.out, head, p_.value_dim);
    unfused::Head work = head_of(head, k, v, in_place_or(p_.out, out, s_.out));
    if (p_.softmax_max != nullptr) work.max = p_.softmax_max + statistic(head);
    if (p_.softmax_sum != nullptr) work.sum = p_.softmax_sum + statistic(head);
    unfused::attention(work, s_.scores);
    write_back(p_.out, out, s_.out);
  }

  void differentiate(int64_t head, const Floats& k, const Floats& v, bool add) const {
    const Floats out = read(p_.out, queries(p_.out, head, p_.value_dim), s_.out);
    const Floats d_out = read(p_.d_out, queries(p_.d_out, head, p_.value_dim), s_.d_out);
    const Place d_q = queries(p_.d_q, head, p_.head_dim);
    const Floats to_q = in_place_or(p_.d_q, d_q, s_.d_q);
    const Floats to_k = in_place_or(p_.d_k, key_rows(p_.d_k, p_.head_dim), s_.d_k);
    const Floats to_v = in_place_or(p_.d_v, key_rows(p_.d_v, p_.value_dim), s_.d_v);
    unfused::GradientHead work{.forward = head_of(head, k, v, out), .d_out = d_out.data, .add = add};
    work.max = p_.softmax_max + statistic(head), work.sum = p_.softmax_sum + statistic(head);
    work.d_q = to_q.data, work.d_k = to_k.data, work.d_v = to_v.data;
    work.d_out_stride = d_out.stride, work.d_q_stride = to_q.stride;
    work.d_k_stride = to_k.stride, work.d_v_stride = to_v.stride;
    unfused::gradient(work, s_.scores);
    write_back(p_.d_q, d_q, s_.d_q);
  }

  unfused::Head head_of(int64_t head, const Floats& k, const Floats& v, const Floats& out) const {
    const Floats q = read(p_.q, queries(p_.q, head, p_.head_dim), s_.q);
    unfused::Head work{.q = q.data, .k = k.data, .v = v.data, .out = out.data};
    work.q_rows = matrix_rows(p_), work.keys = keys_, work.dim = p_.head_dim, work.value_dim = p_.value_dim;
    work.q_stride = q.stride, work.kv_stride = k.stride, work.v_stride = v.stride, work.out_stride = out.stride;
    work.scale = p_.scale;
    work.drop = glint_mask_row(&p_, b_, head, 0);
    work.drop_stride = heads_are_rows(p_) ? p_.mask_head_stride : p_.mask_row_stride;
    if ((p_.needs & GLINT_NEEDS_WINDOW) != 0) {
      for (int64_t r = 0; r < work.q_rows; ++r) {
        const int64_t row = heads_are_rows(p_) ? 0 : r;
        s_.first[r] = std::min(glint_first_key(&p_, b_, row), keys_);
        s_.visible[r] = std::max(glint_end_key(&p_, b_, row), int64_t{0});
      }
      work.first = s_.first, work.visible = s_.visible;
    }
    return work;
  }

  int64_t statistic(int64_t head) const { return (b_ * p_.heads + head) * p_.q_len; }

  // Of queries without a single key.
  void clear_queries() const {
    for (int64_t head = kv_head_ * group(p_); head < (kv_head_ + 1) * group(p_); ++head) {
      if (p_.op == GLINT_BACKWARD) {
        clear(p_.d_q, b_, head, {0, p_.q_len}, p_.head_dim);
        continue;
      }
      clear(p_.out, b_, head, {0, p_.q_len}, p_.value_dim);
      if (p_.softmax_max != nullptr) std::fill_n(p_.softmax_max + statistic(head), p_.q_len, -FLT_MAX);
      if (p_.softmax_sum != nullptr) std::fill_n(p_.softmax_sum + statistic(head), p_.q_len, FLT_MAX);
    }
  }
  // Of keys: what all heads have added up, and nothing for those that the entry does not have.
  void finish_keys(const glint_tensor& t, int64_t dim, const float* room) const {
    if (keys_ > 0) write_back(t, key_rows(t, dim), room);
    clear(t, b_, kv_head_, {keys_, p_.kv_len}, dim);
  }

  const glint_problem& p_;
  const Scratch& s_;
  int64_t b_, kv_head_, keys_;
};

}  // namespace

uint32_t glint_provider_abi() { return GLINT_PROVIDER_ABI; }
const char* glint_provider_name() { return "eigen_unfused"; }

int glint_provider_supports(const glint_problem* p) {
  const bool backward = p->op == GLINT_BACKWARD;
  if (!backward && p->op != GLINT_FORWARD && p->op != GLINT_DECODE) return 0;
  for (const glint_tensor* t : {&p->q, &p->k, &p->v, &p->out})
    if (!is_known(t->dtype)) return 0;
  if (backward)
    for (const glint_tensor* t : {&p->d_out, &p->d_q, &p->d_k, &p->d_v})
      if (!is_known(t->dtype)) return 0;
  if (backward && p->block_table != nullptr) return 0;
  return (p->needs & ~kHonored) == 0;
}

int64_t glint_provider_workspace(const glint_problem* p) { return Scratch(*p, nullptr).bytes; }

int glint_provider_run(const glint_problem* p) {
  const Scratch scratch(*p, p->workspace);
  for (int64_t b = 0; b < p->batch; ++b)
    for (int64_t kv_head = 0; kv_head < p->kv_heads; ++kv_head) Group(*p, scratch, b, kv_head).run();
  return 0;
}
