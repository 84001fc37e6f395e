// The training problems on which the gradient is compared with its two witnesses.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "glint/reference/gradient.hpp"
#include "support.hpp"

namespace oracle_test {

using glint::reference::gradient;
using glint::reference::GradientCase;
using glint::reference::GradientResult;

inline constexpr index_t batch = 2, heads = 4, kv_heads = 2, rows = 3, keys = 5, width = 3, value_width = 2;

struct Named {
  std::string name;
  AttentionCase spec;
};

inline AttentionCase plain() {
  AttentionCase spec;
  spec.layout = "BNSD";
  spec.head_num = heads;
  spec.query = varied({batch, heads, rows, width}, 1);
  spec.key = varied({batch, kv_heads, keys, width}, 2);
  spec.value = varied({batch, kv_heads, keys, value_width}, 3);
  spec.scale = 0.8;
  spec.implied_mask = true;
  return spec;
}

inline ByteArray bits(index_t count) {
  ByteArray stream({(count + 7) / 8});
  for (index_t i = 0; i < stream.size(); ++i) stream.flat(i) = static_cast<std::uint8_t>(0x5b * i + 0xd3);
  return stream;
}

// The plain case with one thing changed.
inline Named changed(std::string name, const std::function<void(AttentionCase&)>& change) {
  Named named{std::move(name), plain()};
  change(named.spec);
  return named;
}

// Three rows over two keys: with mode 3 the first row sees nothing.
inline void shorten_keys(AttentionCase& spec) {
  spec.sparse_mode = 3;
  spec.key = varied({batch, kv_heads, 2, width}, 2);
  spec.value = varied({batch, kv_heads, 2, value_width}, 3);
}

inline void mask_some(AttentionCase& spec) {
  spec.sparse_mode = 1;
  spec.attn_mask = ByteArray({batch, 1, rows, keys});
  for (index_t i = 0; i < spec.attn_mask.size(); ++i) spec.attn_mask.flat(i) = i < keys || i % 3 == 0;
}

inline void use_everything(AttentionCase& spec) {
  spec.sparse_mode = 2;
  spec.q_scale = 1.25;
  spec.pse = varied({1, heads, 1, keys}, 5);
  spec.sink = varied({heads}, 4);
  spec.keep_prob = 0.6;
  spec.philox = true;
  spec.seed = 9;
}

inline std::vector<Named> pse_cases() {
  std::vector<Named> cases;
  for (const int type : {0, 1}) {
    for (const index_t pse_batch : {index_t{1}, batch}) {
      for (const index_t pse_heads : {index_t{1}, heads}) {
        for (const index_t pse_rows : {index_t{1}, rows}) {
          cases.push_back(changed("pse type " + std::to_string(type), [&](AttentionCase& spec) {
            spec.pse_type = type;
            spec.pse = varied({pse_batch, pse_heads, pse_rows, keys}, 5);
          }));
        }
      }
    }
  }
  for (const int type : {2, 3}) {
    cases.push_back(changed("alibi", [&](AttentionCase& spec) {
      spec.pse_type = type;
      spec.pse = varied({heads}, 6);
      spec.q_start_idx = {1};
    }));
  }
  return cases;
}

// Every option of the training operator, alone and together.
inline std::vector<Named> all_cases() {
  std::vector<Named> cases = pse_cases();
  const auto add = [&](std::string name, const std::function<void(AttentionCase&)>& change) {
    cases.push_back(changed(std::move(name), change));
  };
  add("plain", [](AttentionCase&) {});
  add("q_scale", [](AttentionCase& spec) { spec.q_scale = -1.5; });
  add("sink", [](AttentionCase& spec) { spec.sink = varied({heads}, 4); });
  add("mask", mask_some);
  add("dropout", [](AttentionCase& spec) {
    spec.keep_prob = 0.7;
    spec.drop_mask = bits(batch * heads * rows * keys);
  });
  add("band", [](AttentionCase& spec) {
    spec.sparse_mode = 4;
    spec.pre_tokens = 1;
    spec.next_tokens = 0;
  });
  add("rows that see nothing", shorten_keys);
  add("rows that see a sink only", [](AttentionCase& spec) {
    shorten_keys(spec);
    spec.sink = varied({heads}, 4);
  });
  add("all", use_everything);
  for (const SoftcapOrder order : {SoftcapOrder::before_bias, SoftcapOrder::after_bias}) {
    for (const int type : {0, 1}) {
      add("softcap", [&](AttentionCase& spec) {
        use_everything(spec);
        spec.softcap = 0.5;
        spec.softcap_order = order;
        spec.pse_type = type;
      });
    }
  }
  return cases;
}

}  // namespace oracle_test
