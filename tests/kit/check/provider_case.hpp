// A question in the memory that a foreign kernel sees: its tensors where the interface wants them, outputs poisoned and
// between guards.
#pragma once

#include <cstdint>

#include "kit/bundle/bundle.hpp"
#include "kit/hint/hint.hpp"
#include "tune/provider/provider.h"

namespace kit::detail {

// Bytes between two guards, at an address that is aligned to `alignment` and to no more; 0xff, which is NaN in every
// type of number, until somebody writes.
class GuardedBytes {
 public:
  GuardedBytes() = default;
  GuardedBytes(std::size_t bytes, std::size_t alignment);

  std::byte* data() { return memory_.data() + lead_; }
  const std::byte* data() const { return memory_.data() + lead_; }
  std::size_t size() const { return size_; }
  bool intact() const;  // the guards

 private:
  std::vector<std::byte> memory_{};
  std::size_t size_ = 0, lead_ = 0;
};

class ProviderCase {
 public:
  ProviderCase() = default;
  ProviderCase(const ProviderCase&) = delete;
  ProviderCase& operator=(const ProviderCase&) = delete;

  // What the interface cannot say of the question, in a sentence; empty: problem() is ready but for its workspace.
  std::string build(const Question& question);

  const glint_problem& problem() const { return problem_; }
  // Which statistics a forward is to write.
  void want(bool max_and_sum, bool lse);
  void set_workspace(std::int64_t bytes);

  std::string damage() const;  // what was written that is not an output, after a run
  Results results() const;

 private:
  struct Input {
    std::string name;
    Tensor tensor, before;
  };
  struct Output {
    std::string name;
    Type type = Type::f32;
    std::vector<index_t> shape;
    GuardedBytes bytes;
    std::vector<bool> owned;  // by elements
  };

  std::string refuse(const Question& question) const;
  void place_entries(const Question& question);
  std::string set_scores(const Question& question);
  void set_window(const AttentionCase& spec);
  bool window_says_all(const AttentionCase& spec);
  void expand_mask(const AttentionCase& spec);
  void expand_bias(const AttentionCase& spec);
  void expand_dropout(const AttentionCase& spec);
  void set_inputs(const Question& question);
  void set_outputs(const Question& question);
  void set_pages(const AttentionCase& spec);
  void add_input(const std::string& name, const Array& numbers, DType dtype, glint_tensor& to);
  void add_output(const std::string& name, const Array& like, bool of_keys, DType dtype, glint_tensor& to);
  void set_strides(const Array& like, const std::string& layout, index_t heads, glint_tensor& to) const;
  void mark_owned(bool of_keys, index_t width, const glint_tensor& to);
  float* input_statistic(const Array& from);
  Tensor statistic(const GuardedBytes& dense, double nothing) const;

  template <class Each>
  void for_scores(const Each& each) const;  // each(entry number, head, row, key)

  const AttentionCase* spec_ = nullptr;
  glint_problem problem_{};
  std::vector<glint::reference::Entry> entries_{};
  std::vector<glint::reference::SparseRule> rules_{};
  bool ragged_ = false;
  std::vector<Input> inputs_{};
  std::vector<Output> outputs_{};
  GuardedBytes max_{}, sum_{}, lse_{}, workspace_{};
  std::vector<std::vector<float>> given_{};  // statistics that a backward reads
  std::vector<float> bias_{}, sink_{};
  std::vector<std::uint8_t> mask_{}, keep_{};
  std::vector<std::int64_t> kv_lens_{}, q_first_{}, q_rows_{}, kv_first_{}, keep_first_{};
  std::vector<std::int32_t> table_{};
};

}  // namespace kit::detail
