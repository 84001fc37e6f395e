// No guard: included once for each ISA.  What a query tile carries from key tile to key tile, and the buffers that
// tiles use in turn.
namespace glint {
inline namespace GLINT_ABI {
namespace GLINT_ISA {

template <class Head>
inline constexpr bool kModifies = !std::is_same_v<std::remove_cvref_t<decltype(Head::modifier)>, score::None>;

// One query tile on its way through the keys.
template <class Tile, class Head>
struct QueryTile {
  const Head* head = nullptr;
  Interval rows;       // of q, within head->q.rows
  Interval keys;       // that any of them may see
  float* q = nullptr;  // the rows as the first product wants them
  float* o = nullptr;  // [value_dim][Rows]
  LaneState state{};
  float* o_done = nullptr;  // sums of closed key blocks; null when the keys fit in one
  LaneState done{};
  index_t key_block = -1;
  bool first = true;  // o holds nothing yet

  void start(const Head& work, Interval span, Arena& arena) {
    constexpr index_t kRows = Tile::rows;
    head = &work;
    rows = span;
    keys = intersect(work.mask.keys(span.lo, span.hi), {0, work.kv.length()});
    q = arena.take<float>(work.dim() * kRows);
    o = arena.take<float>(work.out.dim * kRows);
    state = take_state(arena);
    clear(state);
    if (work.kv.length() > kKeyBlock) {
      o_done = arena.take<float>(work.out.dim * kRows);
      done = take_state(arena);
      clear(done);
      fill(o_done, work.out.dim * kRows, 0.0F);
    }
  }

  // The sink is seen before any key.  (Beside one, products keep their scores in natural units.)
  void see_sink() {
    if (!head->sink) return;
    fill(state.max, Tile::rows, head->sink[0]);
    fill(state.sum, Tile::rows, 1.0F);
  }

  // Enters the block of kKeyBlock keys that holds k; leaves the previous one by folding it away.
  void enter_key_block(index_t k) {
    if (o_done == nullptr) return;
    const index_t block = k / kKeyBlock;
    if (block != key_block && key_block >= 0) close_key_block();
    key_block = block;
  }
  void close_key_block() {
    fold<Tile::rows>(state, o, done, o_done, head->out.dim);
    first = true;
  }

  // For the next product with V.
  RunningSum running_sum() {
    const RunningSum sum{o, state.alpha, first, state.lanes};
    first = false;
    return sum;
  }

 private:
  LaneState take_state(Arena& arena) const {
    float* const max = arena.take<float>(Tile::rows);
    float* const sum = arena.take<float>(Tile::rows);
    float* const alpha = arena.take<float>(Tile::rows);
    return {max, sum, alpha, 1, lanes_for<Tile::rows>(rows.size())};
  }
  static void clear(LaneState lanes) {
    fill(lanes.max, Tile::rows, kLowest);
    fill(lanes.sum, Tile::rows, 0.0F);
  }
};

// Buffers that the query tiles of a group use in turn.
template <class Tile>
struct TileScratch {
  float* s;              // [Columns][Rows]
  float* tile_max;       // [Rows]
  std::uint64_t* words;  // [Columns] mask bits
  std::uint64_t* keep;   // [Columns] dropout bits
  float* k;              // [Columns][head_dim], when K must be converted or gathered
  float* v;              // [Columns][value_dim]
  float* factors;        // scales and offsets of K's numbers and of V's, where they are integers
};

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint
