// A case line: what glint-tune measures, in words.
//   op=fwd dtype=bf16 b=1 n=32 nkv=8 sq=2048 skv=2048 d=128 mode=3
// Order is free; what is not said has a default.  README.md lists the keys.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "glint/core/dtype.hpp"
#include "glint/tensor/layout.hpp"

namespace bench::tune {

using glint::DType, glint::index_t, glint::Layout;

enum class Op { fwd, bwd, prompt, incre };

inline constexpr index_t kAllTokens = 2147483647;

struct Case {
  Op op = Op::fwd;
  DType dtype = DType::f32;
  index_t b = 1, n = 0, nkv = 0, sq = 0, skv = 0, d = 0, dv = 0;
  int mode = 0;  // 0 all keys, 2 a triangle at the upper left, 3 at the lower right, 4 a band
  index_t pre = kAllTokens, next = kAllTokens;
  Layout layout = Layout::BNSD;
  bool precise = false;      // float arithmetic also where the CPU multiplies 16 bits
  DType cache = DType::f32;  // of keys and values; of others than incre that of dtype
  index_t block = 0;         // keys of a page; 0: one tensor
  bool vink = false;         // latent attention: v is the first dv numbers of k
  bool fused = false;        // q, k and v are slices of one tensor
  int threads = 1;

  bool operator==(const Case&) const = default;
};

// A case, or what is wrong with the line.
struct ParsedCase {
  Case value{};
  std::string error{};
};

const char* name(Op op);
const char* type_name(DType type);
const char* layout_name(Layout layout);

ParsedCase parse_case(std::string_view line);

// The same case in one spelling: keys in order, defaults left out.
std::string canonical_line(const Case& c);

// Every key with its value, defaults too; text is quoted later.
struct Field {
  std::string key, value;
  bool is_text = false;
};
std::vector<Field> fields(const Case& c);

}  // namespace bench::tune
