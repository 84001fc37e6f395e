// No guard: included once for each ISA.  The factors of a row's numbers, and rows of floats rounded to the type of out.
namespace glint {
inline namespace GLINT_ABI {
namespace GLINT_ISA {

// to[d] = number d's factor, zeros behind.
GLINT_INLINE void spread(const CacheFactors& factors, const NumberRef& numbers, index_t dim, float otherwise,
                         float* to) {
  const bool by_number = numbers && !factors.by_token();
  for (index_t d = 0; d < dim; ++d)
    to[d] = by_number ? numbers[factors.kind == CacheFactors::Kind::channel ? d : 0] : otherwise;
  for (index_t d = dim; d < padded(dim); ++d) to[d] = 0;
}

template <class Element>
GLINT_INLINE void store_row_as(const float* from, index_t dim, Element* to) {
  index_t d = 0;
  for (; d + kLanes <= dim; d += kLanes) store_from_float(to + d, load(from + d));
  for (; d < dim; ++d) to[d] = from_float<Element>(from[d]);
}

// The factors of some numbers of an int8 output, one for each.
struct OutputScales {
  static constexpr index_t kMost = 64;
  alignas(64) float scale[kMost], offset[kMost];

  GLINT_INLINE OutputScales(const OutputFactors& f, index_t count) {
    for (index_t d = 0; d < kMost; ++d) {
      scale[d] = d < count ? f.scale[d * f.stride] : 0.0F;
      offset[d] = d < count && f.offset ? f.offset[d * f.stride] : 0.0F;
    }
  }

  // saturate(round_to_even(x * scale + offset)); reads whole vectors of x.
  GLINT_INLINE void store(const float* x, index_t count, std::int8_t* to) const {
    const auto number = [&](index_t d) __attribute__((always_inline)) {
      return fma(load(x + d), load(scale + d), load(offset + d));
    };
    index_t d = 0;
    for (; d + kLanes <= count; d += kLanes) store_as_int8(to + d, number(d));
    if (d == count) return;
    std::int8_t edge[kLanes];
    store_as_int8(edge, number(d));
    for (index_t i = 0; d + i < count; ++i) to[d + i] = edge[i];
  }
};

// `dim` numbers as elements of `dtype`, to int8 by the factors of their head; reads whole vectors of them.
GLINT_NOINLINE inline void store_row(const float* from, index_t dim, void* to, DType dtype, const OutputFactors& f) {
  if (dtype != DType::i8) {
    return with_number_type(
        dtype, [&](auto zero)
                   __attribute__((always_inline)) { store_row_as(from, dim, static_cast<decltype(zero)*>(to)); });
  }
  constexpr index_t kMost = OutputScales::kMost;
  for (index_t d = 0; d < dim; d += kMost) {
    const index_t count = dim - d < kMost ? dim - d : kMost;
    OutputScales(f.from(d), count).store(from + d, count, static_cast<std::int8_t*>(to) + d);
  }
}

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint
