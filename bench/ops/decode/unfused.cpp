// The baseline: for each kv head a product, a softmax and a product of Eigen, in floats.
#include "ops/decode/sets.hpp"
#include "support/unfused_eigen.hpp"

namespace bench {
namespace {

template <class Stored>
constexpr unfused::Stored kStored = unfused::Stored::f32;
template <>
constexpr unfused::Stored kStored<glint::half> = unfused::Stored::f16;
template <>
constexpr unfused::Stored kStored<glint::bfloat16> = unfused::Stored::bf16;
template <>
constexpr unfused::Stored kStored<std::int8_t> = unfused::Stored::int8;

// The query heads of a group lie one after another: they are the rows of a matrix.
template <class Stored>
glint::Status attend(const CachedInputs<float, glint::kv::Contiguous<Stored>>& in, index_t layer, float* scratch) {
  const Shape& s = in.workload.shape;
  const index_t kv_heads = s.kv_head_count(), group = s.heads / kv_heads;
  for (index_t i = 0; i < s.batch * kv_heads; ++i) {
    const index_t b = i / kv_heads, head = i % kv_heads, row = i * group * s.head_dim;
    unfused::CacheHead work{in.q_of(layer) + row,
                            in.k(layer) + in.k_at(b, head, 0),
                            in.v(layer) + in.v_at(b, head, 0),
                            in.out_of(layer) + row,
                            group,
                            s.kv_len,
                            s.head_dim,
                            in.scale,
                            kStored<Stored>};
    if constexpr (glint::is_integer_element<Stored>) {
      work.k_factors = in.k_factors.data() + head * s.head_dim;
      work.v_factors = in.v_factors.data() + head * s.head_dim;
    }
    unfused::decode(work, scratch);
  }
  return glint::Status::ok();
}

template <class Stored>
void add_unfused(const std::string& type, const CachedWorkload& w) {
  add_memory_row("decode/eigen/" + type + "/" + w.name, w.bytes<Stored>(), [w](benchmark::State& state) {
    const CachedInputs<float, glint::kv::Contiguous<Stored>> in(w);
    const index_t group = w.shape.heads / w.shape.kv_head_count();
    const Buffer<float> scratch(group * (w.shape.kv_len + w.shape.head_dim) + w.shape.kv_len * w.shape.head_dim);
    index_t layer = 0;
    MemoryWork work{.bytes = in.bytes(), .flops = w.flops(), .workspace = static_cast<double>(scratch.bytes())};
    work.run = [&] {
      layer = (layer + 1) % in.layers;
      return attend(in, layer, scratch.data());
    };
    measure(state, work);
    finish(state, right(in, layer));
  });
}

const bool kRegistered = [] {
  for (const CachedWorkload* w : {&kD1, &kD2, &kD3}) {
    add_unfused<float>("f32", *w);
    add_unfused<glint::half>("f16", *w);
    add_unfused<glint::bfloat16>("bf16", *w);
  }
  add_unfused<std::int8_t>("int8", kD4);
  benchmark::AddCustomContext("eigen", unfused::instruction_sets());
  return true;
}();

}  // namespace
}  // namespace bench
