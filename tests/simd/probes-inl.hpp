// No guard: included once for each ISA.  Floor 1 behind pointers to functions: what a test calls from baseline code.
// Every array of floats holds a multiple of 16 elements, the widest vector.
namespace glint_test {
namespace GLINT_ISA {

namespace isa = glint::GLINT_ISA;
using isa::kLanes;
using isa::Vec;

template <class Element>
GLINT_NOINLINE void load_converted(const Element* from, float* to, index_t count) {
  for (index_t i = 0; i < count; i += kLanes) isa::store(to + i, isa::load_as_float(from + i));
}
template <class Element>
GLINT_NOINLINE void store_converted(const float* from, Element* to, index_t count) {
  for (index_t i = 0; i < count; i += kLanes) isa::store_from_float(to + i, isa::load(from + i));
}
template <class Element>
GLINT_NOINLINE void load_some(const Element* from, index_t count, float* to) {
  isa::store(to, isa::load_some(from, count));
}

GLINT_NOINLINE inline void exp_below_zero(const float* from, float* to, index_t count) {
  for (index_t i = 0; i < count; i += kLanes) isa::store(to + i, isa::exp_below_zero(isa::load(from + i)));
}
GLINT_NOINLINE inline void exp2_below_zero(const float* from, float* to, index_t count) {
  for (index_t i = 0; i < count; i += kLanes) isa::store(to + i, isa::exp2_below_zero(isa::load(from + i)));
}
GLINT_NOINLINE inline void square_root(const float* from, float* to, index_t count) {
  for (index_t i = 0; i < count; i += kLanes) isa::store(to + i, isa::square_root(isa::load(from + i)));
}
GLINT_NOINLINE inline void exponential_in_parts(const float* from, float* mantissa, float* power, index_t count) {
  for (index_t i = 0; i < count; i += 2 * kLanes) {
    Vec x[2] = {isa::load(from + i), isa::load(from + i + kLanes)}, whole[2];
    isa::exponential_in_parts(x, whole);
    for (int part = 0; part < 2; ++part) {
      isa::store(mantissa + i + part * kLanes, x[part]);
      isa::store(power + i + part * kLanes, whole[part]);
    }
  }
}
GLINT_NOINLINE inline void as_half(const float* from, float* to, index_t count) {
  for (index_t i = 0; i < count; i += kLanes) isa::store(to + i, isa::as_half(isa::load(from + i)));
}
GLINT_NOINLINE inline void as_normal_half(const float* from, float* to, index_t count) {
  for (index_t i = 0; i < count; i += kLanes) isa::store(to + i, isa::as_normal_half(isa::load(from + i)));
}
GLINT_NOINLINE inline void mantissa_as_half(const float* from, float* to, index_t count) {
  for (index_t i = 0; i < count; i += kLanes) isa::store(to + i, isa::mantissa_as_half(isa::load(from + i)));
}
GLINT_NOINLINE inline void times_half(float factor, const float* from, float* to, index_t count) {
  const isa::HalfFactor times = isa::HalfFactor::of(factor);
  for (index_t i = 0; i < count; i += kLanes) isa::store(to + i, times(isa::load(from + i)));
}
GLINT_NOINLINE inline void max(const float* a, const float* b, float* to, index_t count) {
  for (index_t i = 0; i < count; i += kLanes) isa::store(to + i, isa::vmax(isa::load(a + i), isa::load(b + i)));
}
GLINT_NOINLINE inline void fma(const float* a, const float* b, const float* c, float* to, index_t count) {
  for (index_t i = 0; i < count; i += kLanes)
    isa::store(to + i, isa::fma(isa::load(a + i), isa::load(b + i), isa::load(c + i)));
}

GLINT_NOINLINE inline void iota(float* to) { isa::store(to, isa::iota()); }
GLINT_NOINLINE inline void splat(float value, float* to) { isa::store(to, isa::splat(value)); }
// a where bit first + i of the word is set, else b.
GLINT_NOINLINE inline void select(std::uint64_t word, int first, const float* a, const float* b, float* to) {
  isa::store(to, isa::select(isa::lanes_of(word, first), isa::load(a), isa::load(b)));
}

GLINT_NOINLINE inline void transpose(float* square) {
  Vec row[kLanes];
  for (int i = 0; i < kLanes; ++i) row[i] = isa::load(square + i * kLanes);
  isa::transpose(row);
  for (int i = 0; i < kLanes; ++i) isa::store(square + i * kLanes, row[i]);
}

// c is [kRows][kVectors * kLanes].
template <int kRows, int kVectors>
GLINT_NOINLINE void multiply_add(const float* a, index_t a_row, index_t a_depth, const float* b, index_t b_stride,
                                 index_t depth, float* c) {
  Vec block[kRows][kVectors];
  for (int i = 0; i < kRows; ++i)
    for (int j = 0; j < kVectors; ++j) block[i][j] = isa::load(c + (i * kVectors + j) * kLanes);
  isa::multiply_add(isa::Broadcast<isa::Singles>{a, a_row, a_depth}, b, b_stride, depth, block, [] {});
  for (int i = 0; i < kRows; ++i)
    for (int j = 0; j < kVectors; ++j) isa::store(c + (i * kVectors + j) * kLanes, block[i][j]);
}

// sizes[first] = the rows of the block that begins there.
template <int kRows>
GLINT_NOINLINE void for_blocks(index_t count, int* sizes) {
  isa::for_blocks<kRows>(count, [&](auto rows, index_t first) { sizes[first] += decltype(rows)::value; });
}

// vectors[lane] = those of the group that begins there.
template <index_t kRows>
GLINT_NOINLINE void lane_groups(index_t lanes, int* vectors) {
  isa::for_lane_groups<kRows>(lanes, [&](auto group, index_t lane) { vectors[lane] += decltype(group)::vecs; });
}

// How many of `requests` requests Upcoming needs to have asked for all rows; more than that if it never has.
GLINT_NOINLINE inline index_t requests_needed(const glint::NextRows* rows, int count, index_t requests) {
  isa::Upcoming upcoming;
  for (int i = 0; i < count; ++i) upcoming.add(rows[i]);
  upcoming.spread_over(requests);
  index_t needed = 0;
  for (; !upcoming.done() && needed <= requests; ++needed) upcoming.request();
  return needed;
}

template <class Element>
constexpr Packing<Element> packing() {
  return {isa::pack_lanes<16, Element>,   isa::pack_lanes<64, Element>,
          isa::unpack_lanes<16, Element>, isa::unpack_lanes<64, Element>,
          isa::convert_rows<Element>,     load_converted<Element>,
          store_converted<Element>,       load_some<Element>};
}

template <int kRows, int kVectors>
constexpr Block block() {
  return {kRows, kVectors, multiply_add<kRows, kVectors>};
}

inline Floor floor(glint::Isa name) {
  return {
      .isa = name,
      .lanes = kLanes,
      .exp_below_zero = exp_below_zero,
      .exp2_below_zero = exp2_below_zero,
      .square_root = square_root,
      .exponential_in_parts = exponential_in_parts,
      .as_half = as_half,
      .as_normal_half = as_normal_half,
      .mantissa_as_half = mantissa_as_half,
      .times_half = times_half,
      .load_bytes = load_converted<std::int8_t>,
      .max = max,
      .fma = fma,
      .iota = iota,
      .splat = splat,
      .select = select,
      .transpose = transpose,
      .all_finite = isa::all_finite,
      .requests_needed = requests_needed,
      .blocks = {block<isa::kMR, isa::kNV>(), block<2, isa::kNV>(), block<1, isa::kNV>(), block<8, 1>(), block<1, 1>()},
      .for_blocks = {for_blocks<1>, for_blocks<2>, for_blocks<isa::kMR>, for_blocks<8>},
      .for_blocks_rows = {1, 2, isa::kMR, 8},
      .block_vecs = {isa::kBlockVecs<16>, isa::kBlockVecs<32>, isa::kBlockVecs<64>},
      .lanes_for = {isa::lanes_for<16>, isa::lanes_for<32>, isa::lanes_for<64>},
      .lane_groups = {lane_groups<16>, lane_groups<32>, lane_groups<64>},
      .singles = packing<float>(),
      .halves = packing<glint::half>(),
      .brains = packing<glint::bfloat16>()};
}

}  // namespace GLINT_ISA
}  // namespace glint_test
