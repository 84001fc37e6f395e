// No guard: included once for each ISA.  exp(x) and exp2(x) for x <= 0, the only arguments a softmax has.
//
// x * log2 e = n + r with n a whole number and |r| <= 1/2;  2^r by a polynomial of degree 5 whose constant term is
// exactly 1 (so that exp(0) == 1) and whose other terms are a minimax fit of the relative error.
//
// Maximum errors, tested over every 80th float.  exp2_below_zero: 2.1 ulp on [-126, 0], 2.3 without a fused
// multiply-add (plain loops, SSE2).  exp_below_zero on [-87, 0]: 2.1 ulp plus 0.35 for each unit of |x| from the
// rounding of log2 e; without a fused multiply-add 2.5 plus 1.2.  Where that is large, exp(x) is small: against a row
// sum of at least 1 the absolute error stays below 2.1 ulp of 1 on all of them. Below -87.3 (-126 for exp2) the result
// is 0 where the ISA has no cheap way to form a denormal. exp(-inf) == 0 exactly, exp(NaN) is NaN.
namespace glint {
inline namespace GLINT_ABI {
namespace GLINT_ISA {

// n lies in the low bits of t; 2^r * 2^n.
GLINT_INLINE Vec power_of_two(const Vec& r, [[maybe_unused]] const Vec& t, [[maybe_unused]] const Vec& n) {
  Vec p = splat(1.3264711724e-3F);
  p = fma(p, r, splat(9.6715145246e-3F));
  p = fma(p, r, splat(5.5507338099e-2F));
  p = fma(p, r, splat(2.4022242055e-1F));
  p = fma(p, r, splat(6.9314697755e-1F));
  p = fma(p, r, splat(1.0F));
#if GLINT_USE_AVX512
  return (Vec)_mm512_maskz_scalef_ps(kAllLanes, (__m512)p, (__m512)n);
#else
  return p * from_bits(static_cast<IntVec>(bits_of(t) << 23));  // a product, so that any NaN stays one
#endif
}

template <bool kNatural>
GLINT_INLINE Vec exponential(const Vec& argument) {
#if GLINT_USE_AVX512
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23
  // scalef takes any exponent: clamp only so far that the result is 0 for certain.
  constexpr float kZero = kNatural ? -110.0F : -160.0F;
#else
  constexpr float kRound = 12582912.0F + 127.0F;  // the low bits of t are then the exponent field of 2^n
  // Here n rounds to -127, whose exponent field is that of 0.
  constexpr float kZero = kNatural ? -88.0F : -127.0F;
#endif
  const Vec x = vmax(splat(kZero), argument);
  const Vec log2e = splat(1.44269504F);
  Vec t = kNatural ? fma(x, log2e, splat(kRound)) : x + kRound;
  GLINT_OPAQUE(t);  // -ffast-math would cancel the two kRound,
  Vec n = t - kRound;
  GLINT_OPAQUE(n);  // and then n against the argument
  const Vec r = kNatural ? fma(x, log2e, -n) : x - n;
  return power_of_two(r, t, n);
}

GLINT_INLINE Vec exp_below_zero(const Vec& x) { return exponential<true>(x); }
GLINT_INLINE Vec exp2_below_zero(const Vec& x) { return exponential<false>(x); }

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint
