// Floor 1 of every ISA that this CPU runs, as a test parameter:
//
//   class Exp : public testing::TestWithParam<Floor> {};
//   INSTANTIATE_TEST_SUITE_P(EachIsa, Exp, testing::ValuesIn(floors()), isa_name);
//
// With GLINT_FORCE_ISA in the environment, only that one is tested.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "glint/simd/simd.hpp"

namespace glint_test {

using glint::index_t;

template <class Element>
struct Packing {
  using Pack = void (*)(const Element*, index_t, index_t, index_t, float, float*);
  using Unpack = void (*)(const float*, const float*, index_t, index_t, Element*, index_t);
  Pack pack_16, pack_64;
  Unpack unpack_16, unpack_64;
  void (*convert_rows)(const Element*, index_t, index_t, index_t, float*, index_t);
  void (*load)(const Element*, float*, index_t);
  void (*store)(const float*, Element*, index_t);
  void (*load_some)(const Element*, index_t, float*);

  Pack pack(index_t rows) const { return rows == 16 ? pack_16 : pack_64; }
  Unpack unpack(index_t rows) const { return rows == 16 ? unpack_16 : unpack_64; }
};

struct Block {
  int rows, vectors;
  void (*multiply_add)(const float*, index_t, index_t, const float*, index_t, index_t, float*);
};

struct Floor {
  glint::Isa isa;
  int lanes;
  void (*exp_below_zero)(const float*, float*, index_t);
  void (*exp2_below_zero)(const float*, float*, index_t);
  void (*square_root)(const float*, float*, index_t);
  void (*exponential_in_parts)(const float*, float*, float*, index_t);
  void (*as_half)(const float*, float*, index_t);
  void (*as_normal_half)(const float*, float*, index_t);
  void (*mantissa_as_half)(const float*, float*, index_t);
  void (*times_half)(float, const float*, float*, index_t);
  void (*load_bytes)(const std::int8_t*, float*, index_t);
  void (*max)(const float*, const float*, float*, index_t);
  void (*fma)(const float*, const float*, const float*, float*, index_t);
  void (*iota)(float*);
  void (*splat)(float, float*);
  void (*select)(std::uint64_t, int, const float*, const float*, float*);
  void (*transpose)(float*);
  bool (*all_finite)(const float*, index_t, index_t, index_t);
  index_t (*requests_needed)(const glint::NextRows*, int, index_t);
  Block blocks[5];
  void (*for_blocks[4])(index_t, int*);
  int for_blocks_rows[4];
  int block_vecs[3];  // of tiles of 16, 32 and 64 rows
  index_t (*lanes_for[3])(index_t);
  void (*lane_groups[3])(index_t, int*);
  Packing<float> singles;
  Packing<glint::half> halves;
  Packing<glint::bfloat16> brains;

  // Calls visit(packing) for each element type.
  template <class Visit>
  void each_type(const Visit& visit) const {
    visit(singles);
    visit(halves);
    visit(brains);
  }
};

}  // namespace glint_test

#define GLINT_ISA_BODY "simd/probes-inl.hpp"
#include "glint/simd/for_each_isa.hpp"

namespace glint_test {

inline std::vector<Floor> floors() {
  std::vector<Floor> all{isa_plain::floor(glint::Isa::plain)};
#if GLINT_HAVE_VECTOR_EXTENSIONS
  all.push_back(isa_base::floor(glint::Isa::base));
#endif
#if GLINT_HAVE_X86
  all.push_back(isa_avx2::floor(glint::Isa::avx2));
  all.push_back(isa_avx512::floor(glint::Isa::avx512));
#endif
  const char* const forced = std::getenv("GLINT_FORCE_ISA");
  std::erase_if(all, [&](const Floor& floor) {
    return !glint::simd::supported(floor.isa) || (forced != nullptr && glint::simd::selected != floor.isa);
  });
  return all;
}

inline std::string isa_name(const testing::TestParamInfo<Floor>& info) { return name(info.param.isa); }
inline void PrintTo(const Floor& floor, std::ostream* out) { *out << name(floor.isa); }

}  // namespace glint_test
