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

// `dim` numbers as elements of `dtype`, to int8 by the factors of their head.
GLINT_NOINLINE inline void store_row(const float* from, index_t dim, void* to, DType dtype, const OutputFactors& f) {
  if (dtype != DType::i8) {
    return with_number_type(
        dtype, [&](auto zero)
                   __attribute__((always_inline)) { store_row_as(from, dim, static_cast<decltype(zero)*>(to)); });
  }
  for (index_t d = 0; d < dim; ++d) {
    const float offset = f.offset ? f.offset[d * f.stride] : 0.0F;
    static_cast<std::int8_t*>(to)[d] = round_to_int8(from[d] * f.scale[d * f.stride] + offset);
  }
}

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint
