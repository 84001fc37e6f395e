// No guard: included once for each ISA.  The one inner loop of attention and of its gradient:
//
//   C[i][lanes] += sum over r of a[i * a_row + r * a_depth] * B[r][lanes]        i < kMR, kNV vectors of lanes
//
// A is only ever broadcast element by element, so it needs no packing and may have any strides; B is a row of
// queries (or of head_dim) as it lies.  The block is as large as the registers hold: every loaded vector of B is
// used kMR times, every broadcast of A kNV times.
namespace glint {
inline namespace GLINT_ABI {
namespace GLINT_ISA {

// 32 registers: 16 accumulators and 4 + 1 operands.  6 x 4 is no faster and leaves a remainder for dim % 4 == 0.
// 16 registers: 12 accumulators.  4 x 3 also fits on paper, but compilers then spill.
#if GLINT_LANES == 16 || (GLINT_LANES == 4 && defined(__aarch64__))
inline constexpr int kMR = 4, kNV = 4;
#elif GLINT_LANES == 1
inline constexpr int kMR = 2, kNV = 16;
#else
inline constexpr int kMR = 6, kNV = 2;
#endif

// The product of the micro-kernel: float times float.  (Pairs of bfloat16: pairs-inl.hpp.)
struct Singles {
  using Element = float;
  static GLINT_INLINE Vec broadcast(const float* a) {
    float scalar = *a;
#if GLINT_LANES == 1
    GLINT_OPAQUE(scalar);  // gcc 12 joins the loads of two iterations into one vector, and reads past the last row
#endif
    return splat(scalar);
  }
  static GLINT_INLINE void add(Vec& sum, const Vec& a, const Vec& b) { fma_into(sum, a, b); }
};

// What the micro-kernel reads as A.
template <class Product>
struct Broadcast {
  const typename Product::Element* data;
  index_t row;    // stride between the rows of the block
  index_t depth;  // stride along the sum
};

template <class Product, int MR, int NV>
GLINT_INLINE void multiply_add_once(Broadcast<Product> a, index_t r, const float* b, Vec (&c)[MR][NV]) {
  Vec row[NV];
  GLINT_UNROLL
  for (int j = 0; j < NV; ++j) row[j] = load(b + j * kLanes);
  GLINT_UNROLL
  for (int i = 0; i < MR; ++i) {
    const Vec x = Product::broadcast(a.data + i * a.row + r * a.depth);
    GLINT_UNROLL
    for (int j = 0; j < NV; ++j) Product::add(c[i][j], x, row[j]);
  }
}

// meanwhile(): called once for every kSteps steps, to ask for memory that is needed later.
inline constexpr index_t kSteps = 4;

template <class Product, int MR, int NV, class Meanwhile>
GLINT_INLINE void multiply_add(Broadcast<Product> a, const float* b, index_t b_stride, index_t depth, Vec (&c)[MR][NV],
                               const Meanwhile& meanwhile) {
  index_t r = 0;
  for (; r + kSteps <= depth; r += kSteps) {
    meanwhile();
    GLINT_UNROLL
    for (index_t step = 0; step < kSteps; ++step) multiply_add_once(a, r + step, b + (r + step) * b_stride, c);
  }
  for (; r < depth; ++r) multiply_add_once(a, r, b + r * b_stride, c);
}

// How many vectors of a tile kRows lanes wide one block takes.  Wanted: a RegisterBlock.
template <index_t kRows, class Wanted = OwnBlock>
inline constexpr int kBlockVecs = kRows / kLanes < (Wanted::vecs == 0 ? kNV : Wanted::vecs)
                                      ? static_cast<int>(kRows / kLanes)
                                      : (Wanted::vecs == 0 ? kNV : Wanted::vecs);
// A block of NV vectors, with as many rows as are wanted; or as it takes to keep both multiply-add units busy through
// their latency, where lanes are left over that make up no whole block.
template <int NV, class Wanted = OwnBlock>
using BlockOf = RegisterBlock<NV == Wanted::vecs ? Wanted::rows
                              : NV == kNV        ? kMR
                                                 : 8,
                              NV>;
template <index_t kRows, class Wanted>
using WholeBlock = BlockOf<kBlockVecs<kRows, Wanted>, Wanted>;

// The narrowest group of vectors, and the lanes that are calculated for `rows` query rows: whole units.  Tiles are as
// wide as they are; lanes without a query row cost nothing where blocks can be narrower.
template <index_t kRows>
inline constexpr int kUnitVecs = kBlockVecs<kRows> == 4 ? 1 : kBlockVecs<kRows>;
template <index_t kRows>
constexpr index_t lanes_for(index_t rows) {
  constexpr index_t kUnit = kUnitVecs<kRows> * kLanes;
  return (rows + kUnit - 1) / kUnit * kUnit;
}

// Calls group(RegisterBlock, lane) so that blocks side by side make up `lanes` lanes, a number of whole units.
template <index_t kRows, class Wanted = OwnBlock, class Group>
GLINT_INLINE void for_lane_groups(index_t lanes, const Group& group) {
  constexpr int kWhole = kBlockVecs<kRows, Wanted>, kUnit = kUnitVecs<kRows>;
  index_t lane = 0;
  for (; lane + kWhole * kLanes <= lanes; lane += kWhole * kLanes) group(WholeBlock<kRows, Wanted>{}, lane);
  if constexpr (kWhole > 2 && kUnit <= 2) {
    if (lanes - lane >= 2 * kLanes) {
      group(BlockOf<2, Wanted>{}, lane);
      lane += 2 * kLanes;
    }
  }
  if constexpr (kWhole > 1 && kUnit == 1) {
    if (lane < lanes) group(BlockOf<1, Wanted>{}, lane);
  }
}

// Calls block(integral_constant<int, rows>, first) so that blocks tile [0, count).
template <int MR, class Block>
GLINT_INLINE void for_blocks(index_t count, const Block& block) {
  index_t i = 0;
  for (; i + MR <= count; i += MR) block(std::integral_constant<int, MR>{}, i);
  if constexpr (MR > 4)
    for (; i + 4 <= count; i += 4) block(std::integral_constant<int, 4>{}, i);
  if constexpr (MR > 2)
    for (; i + 2 <= count; i += 2) block(std::integral_constant<int, 2>{}, i);
  for (; i < count; ++i) block(std::integral_constant<int, 1>{}, i);
}

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint
