// No guard: included once for each ISA.  The parts of a head's keys, their merger in order, and the end of its rows.
namespace glint {
inline namespace GLINT_ABI {
namespace GLINT_ISA {

template <class Stored>
GLINT_INLINE void store_output(const decode::Head<Stored>& head, index_t h, index_t i, const float* row) {
  const decode::OutputRows& out = head.out;
  char* const to = static_cast<char*>(out.data) + (h * out.head_stride + i * out.row_stride) * size_of(out.dtype);
  store_row(row, out.dim, to, out.dtype, head.post_quant.of_head(h));
}

// o / sum, with the sink as one more score that has no value, V's factors by number, lse.
template <class Stored>
GLINT_NOINLINE void finish_head(const DecodeWork<Stored>& work, const decode::Partial& whole) {
  const decode::Head<Stored>& head = work.head;
  const index_t width = padded(head.out.dim);
  for (index_t h = 0, r = 0; h < head.heads; ++h) {
    for (index_t i = 0; i < head.q_len; ++i, ++r) {
      const SoftmaxState keys{whole.max[r], whole.sum[r]};
      SoftmaxState all = keys;
      if (head.sink) all = merge(keys, SoftmaxState{head.sink[h], 1.0F});
      const float factor = keys.weight(all) * all.inverse();
      float* const o = whole.o + r * width;
      for (index_t d = 0; d < width; d += kLanes)
        store(o + d, keys.empty() ? splat(0.0F) : load(o + d) * factor * load(work.scratch.v_scale + d));
      store_output(head, h, i, o);
      if (head.lse != nullptr) head.lse[r] = all.empty() ? head.empty_lse : all.lse();
    }
  }
}

GLINT_INLINE void merge_partial(decode::Partial& whole, const decode::Partial& part, const decode::Extents& extents) {
  const index_t width = padded(extents.value_dim);
  for (index_t r = 0; r < extents.rows; ++r) {
    SoftmaxState state{whole.max[r], whole.sum[r]};
    merge_rows(state, whole.o + r * width, {part.max[r], part.sum[r]}, part.o + r * width, width);
    whole.max[r] = state.max;
    whole.sum[r] = state.sum;
  }
}

// Merges parts in order, first into groups, then the groups: a single chain over 512 parts is already past what the
// error contract allows.
class PartMerger {
 public:
  PartMerger(const decode::Scratch& scratch, const decode::Extents& extents)
      : extents_(extents),
        group_(decode::Partial::at(scratch.group, extents)),
        whole_(decode::Partial::at(scratch.whole, extents)) {
    clear(group_);
    clear(whole_);
  }
  void add(const decode::Partial& part) {
    merge_partial(group_, part, extents_);
    if (++parts_ % kGroup == 0) close_group();
  }
  const decode::Partial& finish() {
    close_group();
    return whole_;
  }

 private:
  static constexpr index_t kGroup = 16;

  void clear(decode::Partial& partial) const {
    for (index_t r = 0; r < extents_.rows; ++r) partial.max[r] = kLowest, partial.sum[r] = 0;
  }
  void close_group() {
    merge_partial(whole_, group_, extents_);
    clear(group_);
  }

  decode::Extents extents_;
  decode::Partial group_, whole_;
  index_t parts_ = 0;
};

// Parts [splits.lo, splits.hi) of a head's keys.  partials: where each goes (by its number), or null: all parts of the
// head, merged as they come, and its rows finished.
template <class Stored>
GLINT_NOINLINE void decode_splits(const decode::Head<Stored>& head, Interval splits, index_t split_keys,
                                  float* partials, std::byte* memory, const kv::Cache<Stored>* after) {
  DecodeWork<Stored> work = start_head(head, memory);
  const decode::Extents extents = decode::extents_of(head);
  const index_t floats = decode::Partial::floats(extents), length = head.kv.length();
  PartMerger merger(work.scratch, extents);
  for (index_t split = splits.lo; split < splits.hi; ++split) {
    if (partials != nullptr) work.part = decode::Partial::at(partials + split * floats, extents);
    const Interval keys = intersect({split * split_keys, (split + 1) * split_keys}, {0, length});
    const bool last = split + 1 == splits.hi;
    attend_part(work, keys, last ? after : &head.kv, last ? 0 : keys.hi);
    if (partials == nullptr) merger.add(work.part);
  }
  if (partials == nullptr) finish_head(work, merger.finish());
}

// The same from parts that have been calculated: in the same order, so with the same bits.
template <class Stored>
GLINT_NOINLINE void decode_merge(const decode::Head<Stored>& head, index_t splits, float* partials, std::byte* memory) {
  const DecodeWork<Stored> work = start_head(head, memory);
  const decode::Extents extents = decode::extents_of(head);
  PartMerger merger(work.scratch, extents);
  for (index_t split = 0; split < splits; ++split)
    merger.add(decode::Partial::at(partials + split * decode::Partial::floats(extents), extents));
  finish_head(work, merger.finish());
}

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint
