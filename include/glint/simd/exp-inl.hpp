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

// A running maximum starts at the lowest finite float: no real logit lies below it, and (-inf) - (-inf) never occurs.
inline constexpr float kLowest = -(std::numeric_limits<float>::max)();

GLINT_INLINE Vec minus_infinity() { return from_bits(IntVec{} + static_cast<std::int32_t>(0xff800000u)); }

// Coefficients of r, r^2, ... from the highest down.  Degree 3 is wrong by up to 1.02e-4 of the result: enough where
// the probability is about to be rounded to bfloat16, 39 times as coarse.
template <int kDegree>
inline constexpr float kExponential[kDegree] = {};
template <>
inline constexpr float kExponential<5>[5] = {1.3264711724e-3F, 9.6715145246e-3F, 5.5507338099e-2F, 2.4022242055e-1F,
                                             6.9314697755e-1F};
template <>
inline constexpr float kExponential<3>[3] = {5.5009080257e-2F, 2.4221133455e-1F, 6.9328295232e-1F};

// n lies in the low bits of t; 2^r * 2^n.
template <int kDegree>
GLINT_INLINE Vec power_of_two(const Vec& r, [[maybe_unused]] const Vec& t, [[maybe_unused]] const Vec& n) {
  Vec p = splat(kExponential<kDegree>[0]);
  GLINT_UNROLL
  for (int i = 1; i < kDegree; ++i) p = fma(p, r, splat(kExponential<kDegree>[i]));
  p = fma(p, r, splat(1.0F));
#if GLINT_USE_AVX512
  return (Vec)_mm512_maskz_scalef_ps(kAllLanes, (__m512)p, (__m512)n);
#else
  return p * from_bits(static_cast<IntVec>(bits_of(t) << 23));  // a product, so that any NaN stays one
#endif
}

// exp(unit * x) as 2^(rate * x), and the x from which down it is 0.
struct Exponent {
  Vec rate, zero;
#if GLINT_USE_AVX512
  // scalef takes any exponent: the result must only be 0 for certain.
  static constexpr float kRound = 12582912.0F;  // 1.5 * 2^23
  static constexpr float kZero = -110.0F, kZero2 = -160.0F;
#else
  static constexpr float kRound = 12582912.0F + 127.0F;         // the low bits of t are then the exponent field of 2^n
  // Here n rounds to -127, whose exponent field is that of 0.
  static constexpr float kZero = -88.0F, kZero2 = -127.0F;
#endif
  // unit: between 2^-64 and 2^64.
  static GLINT_INLINE Exponent of(float unit) { return {splat(1.44269504F * unit), splat(kZero / unit)}; }
};

template <int kDegree = 5>
GLINT_INLINE Vec exponential(const Vec& argument, const Exponent& e) {
  const Vec x = vmax(e.zero, argument);
  Vec t = fma(x, e.rate, splat(Exponent::kRound));
  GLINT_OPAQUE(t);  // -ffast-math would cancel the two kRound,
  Vec n = t - Exponent::kRound;
  GLINT_OPAQUE(n);  // and then n against the argument
  return power_of_two<kDegree>(fma(x, e.rate, -n), t, n);
}

// As kExponential<5>, for r between 0 and 1.
inline constexpr float kExponentialUp[6] = {1.8671926809e-3F, 9.0168975294e-3F, 5.5800009519e-2F,
                                            2.4016442895e-1F, 6.9315129519e-1F, 1.0F};

// x -> exp(x) as mantissa and power: a mantissa between 1 and 2 but for an overlap of 2^-13, and a power of two, or 0
// below x = -87.3.  For who rounds mantissas: they share one binade.  Every step is taken for all before the next,
// because the chain of one is long.
template <int kCount>
GLINT_INLINE void exponential_in_parts(Vec (&x)[kCount], Vec (&power)[kCount]) {
  constexpr float kRound = 12582912.0F + 127.0F, kRate = 1.44269504F;
  Vec n[kCount];
  GLINT_UNROLL
  for (int i = 0; i < kCount; ++i) x[i] = vmax(splat(-88.0F), x[i]);
  GLINT_UNROLL
  for (int i = 0; i < kCount; ++i) {
#if GLINT_USE_AVX512
    power[i] = (Vec)_mm512_maskz_fmadd_round_ps(kAllLanes, (__m512)x[i], (__m512)splat(kRate), (__m512)splat(kRound),
                                                _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
#else
    Vec down = fma(x[i], splat(kRate), splat(-0.4999F));  // nearly a half: 0 must stay 0
    GLINT_OPAQUE(down);
    power[i] = down + kRound;
#endif
    GLINT_OPAQUE(power[i]);
  }
  GLINT_UNROLL
  for (int i = 0; i < kCount; ++i) {
    n[i] = power[i] - kRound;
    GLINT_OPAQUE(n[i]);
  }
  GLINT_UNROLL
  for (int i = 0; i < kCount; ++i) n[i] = fma(x[i], splat(kRate), -n[i]);
  GLINT_UNROLL
  for (int i = 0; i < kCount; ++i) x[i] = splat(kExponentialUp[0]);
  GLINT_UNROLL
  for (int step = 1; step < 6; ++step) {
    GLINT_UNROLL
    for (int i = 0; i < kCount; ++i) x[i] = fma(x[i], n[i], splat(kExponentialUp[step]));
  }
  GLINT_UNROLL
  for (int i = 0; i < kCount; ++i) power[i] = from_bits(static_cast<IntVec>(bits_of(power[i]) << 23));
}

GLINT_INLINE Vec exp_below_zero(const Vec& x) { return exponential(x, Exponent::of(1.0F)); }
GLINT_INLINE Vec exp2_below_zero(const Vec& x) {
  return exponential(x, Exponent{splat(1.0F), splat(Exponent::kZero2)});
}

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint
