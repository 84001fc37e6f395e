// What the parts of the broken kernel share.  All arithmetic is float; every Bug is a marked line or two in the place
// where authors make that mistake.
#pragma once

#include <vector>

#include "kit/hint/hint.hpp"
#include "kit/mutants/placement.hpp"

namespace kit::mutant {

struct Kernel {
  const Question& question;
  const AttentionCase& spec;
  Bug bug;
  TileSize tile;
  std::vector<Sequence> sequences;
  index_t heads, kv_heads;

  Kernel(const Question& asked, Bug mistake, TileSize size);
  bool has(Bug mistake) const { return bug == mistake; }
  // The head of k and v that query head `head` reads.
  index_t kv_head(index_t head) const;
  bool training() const { return spec.op == glint::reference::Operator::score; }
};

// Rows of one head in one sequence.
struct Rows {
  index_t count = 0, width = 0;
  std::vector<float> numbers;

  Rows() = default;
  Rows(index_t rows, index_t columns)
      : count(rows), width(columns), numbers(static_cast<std::size_t>(rows * columns), 0.0F) {}
  float* row(index_t i) { return numbers.data() + i * width; }
  const float* row(index_t i) const { return numbers.data() + i * width; }
};

// operands.cpp: gathered and decoded; a rope part is joined to the right.
Rows load_queries(const Kernel& kernel, const Sequence& sequence, index_t head);
Rows load_keys(const Kernel& kernel, const Sequence& sequence, index_t kv_head);
Rows load_values(const Kernel& kernel, const Sequence& sequence, index_t kv_head);

// Which keys rows see, but for the mask tensor: row i those from i + low to i + high, and those before `prefix`.
struct Window {
  index_t low = 0, high = 0, prefix = 0;
  bool tensor = false, tree = false;
};
// visibility.cpp
Window window_of(const Kernel& kernel, const Sequence& sequence);
bool sees(const Kernel& kernel, const Sequence& sequence, const Window& window, index_t head, index_t i, index_t key);

// scores.cpp
index_t bias_position(const Kernel& kernel, const Sequence& sequence, index_t head, index_t i, index_t key);
float bias_at(const Kernel& kernel, const Sequence& sequence, index_t head, index_t i, index_t key);
// Of the bias of pse_type 1, which is added to the product itself.
bool bias_inside_scale(const Kernel& kernel);
bool bias_inside_cap(const Kernel& kernel);
float dot(const Kernel& kernel, const float* left, const float* right, index_t count);
float score_of(const Kernel& kernel, float product, float bias, index_t width);
float cap_slope(const Kernel& kernel, float product, float bias, index_t width);
float scale_of(const Kernel& kernel, index_t width);
float q_scale_of(const Kernel& kernel);

// dropout.cpp: 0 or 1 / keep_prob.
float keep_factor(const Kernel& kernel, const Sequence& sequence, index_t head, index_t i, index_t key);

// rounding.cpp
float to_tf32(float value);                         // ten bits of mantissa
float to_16bit(const Kernel& kernel, float value);  // bfloat16 where the question has it or f32, else f16
float to_half(double value);                        // f16, beyond its range infinite
float to_half_saturated(double value);
float to_int8(float value);  // nearest even, saturated

// What a row's softmax leaves.
struct RowStats {
  float max = 0, sum = 0;
  bool saw = false;      // a key
  bool uniform = false;  // saw none and is asked for the mean of V
};

// forward.cpp: a row of output and its statistics.
struct HeadPlace {
  const Kernel& kernel;
  const Sequence& sequence;
  Window window;
  index_t head;
};
RowStats attend(const HeadPlace& at, index_t i, const float* query, const Rows& keys, const Rows& values,
                std::vector<float>& out);
// int8_rows.cpp: the same of int8 queries.
RowStats attend_int8(const HeadPlace& at, index_t i, const float* query, const Rows& keys, const Rows& values,
                     std::vector<float>& out);
// The exponential of a score that lies `below` the maximum.
float exponential(const Kernel& kernel, float below);

// backward.cpp: adds the head's share to the gradients.
struct SavedRow {
  RowStats stats;
  std::vector<float> out;
};
void add_gradients(const HeadPlace& at, const Rows& queries, const Rows& keys, const Rows& values,
                   const std::vector<SavedRow>& saved, Answer& answer);

}  // namespace kit::mutant
