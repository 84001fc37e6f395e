// Factors of integers have an element for everything that they are asked for.
#include "kit/bundle/sound_parts.hpp"
#include "kit/bundle/types.hpp"

namespace kit::sound {

namespace {

using glint::reference::Antiquant;

// Factors that modes 0 to 5 want at least: operators 4.3.  Per token: `back` is the extent of the last axis.
index_t factors_wanted(int mode, index_t count, index_t back, index_t width, const Shapes& shapes, const Reach& reach) {
  switch (mode) {
    case 0: return count == 1 ? 1 : shapes.kv_heads * width;
    case 1: return reach.entries * back;
    case 2: return shapes.kv_heads;
    case 3: return reach.entries * shapes.kv_heads * back;
    case 4: return reach.blocks * back;
    default: return reach.blocks * shapes.kv_heads * back;
  }
}

// Columns, or slots of a page, that the last axis of modes 1 and 3 to 5 has to have.
index_t back_wanted(const AttentionCase& spec, int mode, const Reach& reach) {
  if (mode == 1 || mode == 3) return reach.key_columns;
  return mode >= 4 ? spec.paging.block_size : 0;
}

std::string check_antiquant(const AttentionCase& spec, const std::string& name, const Antiquant& factors, bool joint,
                            index_t width, const Shapes& shapes, const Reach& reach) {
  if (!factors.scale.present()) return {};
  if (factors.mode < 0 || factors.mode > 5) return want(name + ".mode", "got", factors.mode, "0 to 5");
  if (factors.mode >= 4 && !shapes.paged) return name + ".mode: 4 and 5 want pages";
  if (joint && factors.scale.size() % 2 != 0)
    return want(name + "_scale", "elements", factors.scale.size(), "an even number");
  if (factors.offset.present()) {
    const std::string error = unequal(name + "_offset", "elements", factors.offset.size(), factors.scale.size());
    if (!error.empty()) return error;
  }
  if (reach.all_columns == 0) return {};
  const index_t back = factors.scale.shape.back(), least_back = back_wanted(spec, factors.mode, reach);
  if (back < least_back) return want(name + "_scale", "last axis", back, "at least " + std::to_string(least_back));
  const index_t count = factors.scale.size() / (joint ? 2 : 1);
  const index_t least = factors_wanted(factors.mode, count, back, width, shapes, reach);
  if (count >= least) return {};
  return wrong(name + "_scale", "shape " + text_of(factors.scale.shape) + ", want " +
                                    std::to_string(least * (joint ? 2 : 1)) + " elements for mode " +
                                    std::to_string(factors.mode));
}

std::string check_int8(const glint::reference::Int8Factors& int8, const Shapes& shapes) {
  const index_t channels = shapes.out.heads * shapes.out.width;
  if (int8.dequant_scale1.present() &&
      (int8.dequant_scale1.size() < 1 || int8.quant_scale1.size() < 1 || int8.dequant_scale2.size() < 1))
    return "dequant_scale1, quant_scale1, dequant_scale2: want all three";
  for (const Array* factors : {&int8.quant_scale2, &int8.quant_offset2}) {
    if (!factors->present() || factors->size() == 1 || factors->size() == channels) continue;
    const char* name = factors == &int8.quant_scale2 ? "quant_scale2" : "quant_offset2";
    return want(name, "elements", factors->size(), "1 or " + std::to_string(channels));
  }
  return {};
}

}  // namespace

std::string check_factors(const AttentionCase& spec, const Shapes& shapes, const Reach& reach) {
  std::string error;
  if (spec.antiquant.scale.present()) {
    // One pair of tensors: its second half is the value's.
    for (const index_t width : {shapes.key_width, shapes.value_width})
      if (error.empty()) error = check_antiquant(spec, "antiquant", spec.antiquant, true, width, shapes, reach);
  } else {
    error = check_antiquant(spec, "key_antiquant", spec.key_antiquant, false, shapes.key_width, shapes, reach);
    if (error.empty())
      error = check_antiquant(spec, "value_antiquant", spec.value_antiquant, false, shapes.value_width, shapes, reach);
  }
  return error.empty() ? check_int8(spec.int8, shapes) : error;
}

}  // namespace kit::sound
