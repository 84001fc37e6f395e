// The words of `explain` as an operator's parameters; tensors have shapes only.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kit/question.hpp"

namespace kit::about {

enum class Op { forward, backward, prompt, incre };
enum class Bias { none, tensor, slopes };

// Query rows or keys, as they were said.
struct Lengths {
  std::vector<index_t> each;  // sq, skv: one for all batch entries, or one for each
  bool listed = false;        // with a comma or brackets
  std::vector<index_t> list;  // as the operator is given it: actual_seq_qlen and its like
};

struct Setting {
  Op op = Op::forward;
  std::string layout;
  index_t batch = -1;
  Lengths query_lengths, key_lengths;
  index_t heads = 1, kv_heads = -1, width = 128, value_width = -1;  // -1: as the other
  DType dtype = DType::f16, cache = DType::none;                    // none: as dtype
  bool int8_output = false;

  int mode = 0;
  std::optional<index_t> pre, next;
  std::optional<bool> masked;  // is attn_mask given?
  std::vector<index_t> prefix;
  int inner_precise = -1;  // -1: the operator's default

  std::optional<Bias> bias;
  std::optional<int> pse_type;
  std::vector<index_t> q_start, kv_start;
  double scale = 1, q_scale = 1, softcap = 0, keep = 1;
  bool cap_after_bias = false, sink = false;

  // What follows from the rest (see `complete`).
  std::vector<index_t> q_list, kv_list;  // as the call is given them: ends of TND, else lengths; empty: none
  index_t rows = 0, keys = 0;            // of the tensors

  bool training() const { return op == Op::forward || op == Op::backward; }
  bool ragged() const { return layout.substr(0, 3) == "TND"; }
  // Modes 10 to 14 of prompt are 0 to 4 with another inner_precise.
  int sparse_mode() const { return op == Op::prompt && mode >= 10 && mode <= 14 ? mode - 10 : mode; }
};

// Returns what is wrong, or nothing.
std::string parse(std::string_view words, Setting& setting);
std::string complete(Setting& setting);

// The same as the oracle is asked it.  No tensor holds numbers.
Question question_of(const Setting& setting);

}  // namespace kit::about
