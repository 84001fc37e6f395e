// No guard: included once for each ISA.  Products whose lanes are numbers of a row: dV = P^T dO and dK = dS^T Q, where
// P^T and dS^T lie as [key][query] and are broadcast, and rows of dO and Q are read as they lie.
namespace glint {
inline namespace GLINT_ABI {
namespace GLINT_ISA {

// Calls group(RegisterBlock, first) so that blocks side by side make up `count` vectors.
template <class Wanted, class Group>
GLINT_INLINE void for_vector_groups(index_t count, const Group& group) {
  index_t i = 0;
  constexpr int kWhole = Wanted::vecs == 0 ? kNV : Wanted::vecs;
  for (; i + kWhole <= count; i += kWhole) group(BlockOf<kWhole, Wanted>{}, i);
  if constexpr (kWhole > 2)
    for (; i + 2 <= count; i += 2) group(BlockOf<2, Wanted>{}, i);
  for (; i < count; ++i) group(BlockOf<1, Wanted>{}, i);
}

// Sums over the queries of a tile, which are few enough for one chain: sum[key][d] += a[key][r] * rows[r][d].
template <class Product>
struct RowSums {
  const typename Product::Element* a;  // [key][..]
  index_t a_stride, a_step;            // from key to key, and from one step along the queries to the next
  const float* rows;
  index_t stride, vectors;  // of a row
  float* sum;               // [key][sum_stride]
  index_t sum_stride;
};

// By value: what is behind a reference would be read again after every store.
template <class Product, class Block>
GLINT_NOINLINE void add_rows_in_block(const RowSums<Product> t, index_t steps, index_t keys) {
  const auto nothing = []() __attribute__((always_inline)){};
  const Broadcast<Product> a{t.a, t.a_stride, t.a_step};
  for_blocks<Block::rows>(
      keys, [=](auto count, index_t key) __attribute__((always_inline)) {
        constexpr int kCount = decltype(count)::value, NV = Block::vecs;
        Vec block[kCount][NV] = {};
        multiply_add(Broadcast<Product>{a.data + key * a.row, a.row, a.depth}, t.rows, t.stride, steps, block, nothing);
        float* const to = t.sum + key * t.sum_stride;
        GLINT_UNROLL
        for (int r = 0; r < kCount; ++r) {
          GLINT_UNROLL
          for (int j = 0; j < NV; ++j) {
            float* const at = to + r * t.sum_stride + j * kLanes;
            store(at, load(at) + block[r][j]);
          }
        }
      });
}

template <class Wanted, class Product>
GLINT_INLINE void add_rows_of_box(const RowSums<Product>& t, Interval steps, Interval keys) {
  for_vector_groups<Wanted>(
      t.vectors, [&](auto block, index_t first) __attribute__((always_inline)) {
        RowSums<Product> part = t;
        part.a += keys.lo * t.a_stride + steps.lo * t.a_step;
        part.rows += steps.lo * t.stride + first * kLanes;
        part.sum += keys.lo * t.sum_stride + first * kLanes;
        add_rows_in_block<Product, decltype(block)>(part, steps.size(), keys.size());
      });
}

// kRowsInStep: queries of one step along the sum.  Where the mask's words are given, each strip of keys takes the rows
// that see any of it: the others would add zeros.
template <class Tile, index_t kRowsInStep, class Product>
GLINT_INLINE void add_row_products(const RowSums<Product>& t, index_t rows, index_t count,
                                   const std::uint64_t* visible) {
  using Wanted = typename Tile::block;
  constexpr index_t kStrip = 16;
  const index_t steps = (rows + kRowsInStep - 1) / kRowsInStep;
  if (visible == nullptr) return add_rows_of_box<Wanted>(t, {0, steps}, {0, count});
  for (index_t c = 0; c < count; c += kStrip) {
    const Interval keys = intersect({c, c + kStrip}, {0, count});
    std::uint64_t any = 0;
    for (index_t k = keys.lo; k < keys.hi; ++k) any |= visible[k];
    if (any == 0) continue;
    const index_t first = std::countr_zero(any), last = 63 - std::countl_zero(any);
    add_rows_of_box<Wanted>(t, {first / kRowsInStep, last / kRowsInStep + 1}, keys);
  }
}

// The same sums in the same order where rows hold a NaN or an infinity that not every key may meet.  Rare, so simple.
GLINT_NOINLINE inline void add_selected_rows(const RowSums<Singles>& t, index_t rows, index_t count,
                                             const std::uint64_t* visible) {
  for (index_t c = 0; c < count; ++c) {
    for (index_t j = 0; j < t.vectors; ++j) {
      Vec total = splat(0.0F);
      for (index_t r = 0; r < rows; ++r) {
        if ((visible[c] >> r & 1) == 0) continue;
        total = fma(splat(t.a[c * t.a_stride + r]), load(t.rows + r * t.stride + j * kLanes), total);
      }
      float* const at = t.sum + c * t.sum_stride + j * kLanes;
      store(at, load(at) + total);
    }
  }
}

// Rows as floats whose number is a whole number of vectors: in place, or copied to `to` with zeros behind.
struct FloatRowsAt {
  const float* data;
  index_t stride;
};
GLINT_INLINE FloatRowsAt rows_as_floats(const QueryView& q, Interval rows, float* to) {
  if (q.dtype == DType::f32 && q.dim % kLanes == 0) return {static_cast<const float*>(q.row(rows.lo)), q.row_stride};
  const index_t width = padded(q.dim);
  with_number_type(
      q.dtype, [&](auto zero) __attribute__((always_inline)) {
        convert_rows(static_cast<const decltype(zero)*>(q.row(rows.lo)), q.row_stride, rows.size(), q.dim, to, width);
      });
  for (index_t r = 0; r < rows.size(); ++r)
    for (index_t d = q.dim; d < width; ++d) to[r * width + d] = 0;
  return {to, width};
}

// sum[i] = sum over d of a[i][d] * b[i][d] for rows.lo + i, and 0 behind the last row up to `lanes`.  A vector of
// partial sums for each row, and a transpose, so that nothing is added across lanes.
template <class Element>
GLINT_NOINLINE void dot_rows(const Element* a, index_t a_stride, const Element* b, index_t b_stride, index_t dim,
                             index_t rows, index_t lanes, float* sum) {
  for (index_t r = 0; r < lanes; r += kLanes) {
    Vec square[kLanes];
    for (int i = 0; i < kLanes; ++i) {
      square[i] = splat(0.0F);
      if (r + i >= rows) continue;
      const Element *const x = a + (r + i) * a_stride, *const y = b + (r + i) * b_stride;
      index_t d = 0;
      for (; d + kLanes <= dim; d += kLanes) square[i] = fma(load_as_float(x + d), load_as_float(y + d), square[i]);
      if (d < dim) square[i] = fma(load_some(x + d, dim - d), load_some(y + d, dim - d), square[i]);
    }
    transpose(square);
    Vec total = square[0];
    GLINT_UNROLL
    for (int i = 1; i < kLanes; ++i) total += square[i];
    store(sum + r, total);
  }
}

GLINT_INLINE void dot_rows(const QueryView& a, const QueryView& b, Interval rows, index_t lanes, float* sum) {
  with_number_type(
      a.dtype, [&](auto zero) __attribute__((always_inline)) {
        using Element = decltype(zero);
        dot_rows(static_cast<const Element*>(a.row(rows.lo)), a.row_stride, static_cast<const Element*>(b.row(rows.lo)),
                 b.row_stride, a.dim, rows.size(), lanes, sum);
      });
}

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint
