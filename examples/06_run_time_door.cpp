// The run-time door, for engines that hold strings and integers: the same kernels, with the field names of the
// operator documents.  A wrong call changes nothing and says which rule it broke, with both numbers.
#include <cmath>
#include <cstdio>
#include <vector>

#include "glint/glint.hpp"

void print(const char* what, const glint::Status& status) {
  char text[160];
  glint::format(status, text, sizeof text);
  std::printf("%s: %s\n", what, text);
}

int main() {
  using namespace glint;
  std::vector<float> q(2 * 6 * 32), k(2 * 6 * 16), v(k), out(q);  // (B, S, H) with 4 heads of 8, 2 of them for k and v
  for (std::size_t i = 0; i < q.size(); ++i) q[i] = std::sin(static_cast<float>(i));
  for (std::size_t i = 0; i < k.size(); ++i) k[i] = v[i] = std::cos(static_cast<float>(i));

  FlashAttentionScoreCall call{.query = {q.data(), DType::f32, {2, 6, 32}},
                               .key = {k.data(), DType::f32, {2, 6, 16}},
                               .value = {v.data(), DType::f32, {2, 6, 16}},
                               .attention_out = {out.data(), DType::f32, {2, 6, 32}},
                               .head_num = 4,
                               .input_layout = "BSH",
                               .scale_value = 0.35355339,
                               .attn_mask_compressed = true,  // the 2048 x 2048 triangle that sparse_mode 3 implies
                               .sparse_mode = 3};
  print("as it should be", flash_attention_score(call));
  std::printf("  first and last number: %.3f %.3f\n", out.front(), out.back());

  call.head_num = 5;
  print("head_num 5", flash_attention_score(call));
  call.head_num = 4;
  call.key.shape = {2, 7, 16};
  print("key longer than value", flash_attention_score(call));
  call.key.shape = {2, 6, 16};
  call.sparse_mode = 9;
  print("sparse_mode 9", flash_attention_score(call));
}
