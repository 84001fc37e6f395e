// IncreFlashAttention reads and writes nothing outside its buffers (F8): every operand of random cases, each list,
// table and factor of them, ends exactly at an unreadable page, then begins exactly behind one.
#include <memory>

#include "support/inference_doors.hpp"
#include "support/decode_generator.hpp"
#include "support/differential.hpp"
#include "support/fence.hpp"

namespace glint_test {
namespace {

// Fences that are mapped once and handed out anew for each case.
class Fences {
 public:
  void start(Flush where) { next_ = 0, where_ = where; }
  std::byte* room(index_t bytes) {
    if (next_ == fences_.size()) fences_.push_back(std::make_unique<Fence>(index_t{1} << 21));
    return static_cast<std::byte*>(fences_[next_++]->flush(where_, bytes));
  }
  // A copy of what `data` points at; null stays null.
  template <class Element>
  const Element* copy(const Element* data, index_t bytes) {
    if (data == nullptr) return nullptr;
    return static_cast<const Element*>(static_cast<const void*>(
        std::memcpy(room(bytes), static_cast<const void*>(data), static_cast<std::size_t>(bytes))));
  }
  const std::byte* copy(const Operand& operand) {
    return copy(operand.data(), bytes_of(operand.dtype, operand.size()));
  }
  template <class Element>
  const Element* copy(const std::vector<Element>& list) {
    return copy(list.data(), static_cast<index_t>(list.size() * sizeof(Element)));
  }

 private:
  std::vector<std::unique_ptr<Fence>> fences_;
  std::size_t next_ = 0;
  Flush where_ = Flush::end;
};

template <class Stored>
void move_cache(const InferenceCase& c, const InferenceData& data, Fences& fences,
                glint::KvCache<glint::kv::Contiguous<Stored>>& kv) {
  kv.k = reinterpret_cast<const Stored*>(fences.copy(data.k[0]));
  kv.v = reinterpret_cast<const Stored*>(fences.copy(data.v[0]));
  if (c.rope > 0) kv.k_rope = reinterpret_cast<const Stored*>(fences.copy(data.k_rope[0]));
}
template <class Stored>
void move_cache(const InferenceCase& c, const InferenceData& data, Fences& fences,
                glint::KvCache<glint::kv::LeftPadded<Stored>>& kv) {
  glint::KvCache<glint::kv::Contiguous<Stored>> plain;
  move_cache(c, data, fences, plain);
  kv.k = plain.k, kv.v = plain.v, kv.k_rope = plain.k_rope, kv.padding = c.padding;
}
template <class Stored>
void move_cache(const InferenceCase& c, const InferenceData& data, Fences& fences,
                glint::KvCache<glint::kv::Paged<Stored>>& kv) {
  glint::KvCache<glint::kv::Contiguous<Stored>> plain;
  move_cache(c, data, fences, plain);
  kv.k = plain.k, kv.v = plain.v, kv.k_rope = plain.k_rope;
  kv.block_table = fences.copy(data.table);
  kv.max_blocks = data.lists.max_blocks, kv.block_size = c.block_size, kv.blocks = data.blocks;
  kv.pages = c.head_major != 0 ? glint::PageLayout::head_major : glint::PageLayout::token_major;
}
template <class Stored>
void move_cache(const InferenceCase&, const InferenceData& data, Fences& fences,
                glint::KvCache<glint::kv::List<Stored>>& kv) {
  const auto list = [&](const std::vector<Operand>& tensors) {
    std::vector<const Stored*> pointers;
    for (const Operand& tensor : tensors) pointers.push_back(reinterpret_cast<const Stored*>(fences.copy(tensor)));
    return std::span<const Stored* const>(fences.copy(pointers), pointers.size());
  };
  kv.k = list(data.k), kv.v = list(data.v), kv.k_rope = list(data.k_rope);
  kv.rows = {fences.copy(data.lists.room), data.lists.room.size()};
}

// Everything that a problem points at goes to a fence of its own.
template <class Problem>
void move_operands(const InferenceCase& c, const InferenceData& data, Fences& fences, Problem& p) {
  using Query = std::remove_cvref_t<decltype(*p.q)>;
  using Stored = typename Problem::Stored;
  p.q = reinterpret_cast<const Query*>(fences.copy(data.q));
  if (c.rope > 0) p.q_rope = reinterpret_cast<const Query*>(fences.copy(data.q_rope));
  if (c.mask != kUnmasked) p.attn_mask.data = fences.copy(data.mask);
  if (c.draft == kDraftTree) p.draft_tree.data = fences.copy(data.tree);
  if (c.pse != 0) p.pse_shift.data = fences.copy(data.pse);
  if (c.sink != kSinkNone) p.learnable_sink = reinterpret_cast<const Query*>(fences.copy(data.sink));
  if (!data.lists.lens.empty()) p.kv_lens = {fences.copy(data.lists.lens), data.lists.lens.size()};
  p.k_antiquant.scale = fences.copy(data.k_scale), p.k_antiquant.offset = fences.copy(data.k_offset);
  p.v_antiquant.scale = fences.copy(data.v_scale), p.v_antiquant.offset = fences.copy(data.v_offset);
  p.post_quant.scale = fences.copy(data.post_scale), p.post_quant.offset = fences.copy(data.post_offset);
  if (c.prefix == 0) return;
  p.prefix.k = reinterpret_cast<const Stored*>(fences.copy(data.prefix_k));
  p.prefix.v = reinterpret_cast<const Stored*>(fences.copy(data.prefix_v));
  if (c.rope > 0) p.prefix.k_rope = reinterpret_cast<const Stored*>(fences.copy(data.prefix_k_rope));
}

template <class Query, class Kv>
InferenceOutcome fenced(const InferenceCase& c, const InferenceData& data, Fences& fences) {
  InferenceOutcome outcome = blank_outcome(c);
  detail::TypedPlaces places(c, data);
  glint::IncreProblem<Query, Kv> p;
  detail::fill_problem<Query>(c, data, places, outcome, p);
  p.q_strides = p.q_rope_strides = p.out_strides = {};
  move_cache(c, data, fences, p.kv);
  move_operands(c, data, fences, p);
  const Extent& e = data.out_extent;
  const index_t bytes = e.batch * e.rows * e.heads * e.width * glint::size_of(out_type(c));
  std::byte* const out = fences.room(bytes);
  if (c.post == kPostNone)
    p.out = reinterpret_cast<Query*>(out);
  else
    p.out_int8 = reinterpret_cast<std::int8_t*>(out);
  const index_t rows = e.batch * e.rows * e.heads;
  if (c.lse != 0) p.lse = reinterpret_cast<float*>(fences.room(rows * 4));
  const glint::IncreFlashAttention<glint::layout::BNSD, Query, Kv> attend;
  const index_t scratch = attend.workspace_bytes(p);
  outcome.status = attend(p, glint::Serial{}, {fences.room(scratch), static_cast<std::size_t>(scratch)});
  outcome.out.assign(out, out + bytes);
  if (c.lse != 0) outcome.lse.assign(p.lse, p.lse + rows);
  return outcome;
}

template <class Query, class Stored>
void expect_no_fault(InferenceCase c, Fences& fences) {
  c.layout = kBnsd, c.strided = c.skew = c.joint = 0;
  if (!legal(c)) c.draft = kDraftNone;  // a tree with more rows than keys
  ASSERT_TRUE(legal(c)) << print(c);
  const InferenceData data = inference_data_of(c);
  const InferenceOutcome want = typed_decode<Query, Stored>(c, data, TestExecutor{});
  for (const Flush where : {Flush::end, Flush::start}) {
    fences.start(where);
    const InferenceOutcome got = c.form == kContiguous   ? fenced<Query, glint::kv::Contiguous<Stored>>(c, data, fences)
                              : c.form == kLeftPadded ? fenced<Query, glint::kv::LeftPadded<Stored>>(c, data, fences)
                              : c.form == kPaged      ? fenced<Query, glint::kv::Paged<Stored>>(c, data, fences)
                                                      : fenced<Query, glint::kv::List<Stored>>(c, data, fences);
    ASSERT_EQ(difference(want, got), "") << print(c);
  }
}

// Options as the generator draws them, heads few.
InferenceCase small_case(index_t query, index_t cache, index_t form, std::uint64_t number) {
  InferenceCase c = generate_decode(20260303, number, query, cache);
  c.batch = std::clamp<index_t>(c.batch, 1, 2), c.kv_heads = std::min<index_t>(c.kv_heads, 2);
  c.group = std::min<index_t>(c.group, 5), c.q_len = std::min<index_t>(c.q_len, 4);
  c.form = form, c.poison = kPoisonUnread;
  if (form != kContiguous) c.prefix = 0;
  if (form == kPaged && c.lens == kLengthsNone) c.lens = kLengthsEach;
  for (index_t* const mode : {&c.k_mode, &c.v_mode}) {
    if (form == kPaged && (*mode == 1 || *mode == 3)) *mode = *mode == 1 ? 4 : 5;
    if (form != kPaged && *mode >= 4) *mode = *mode == 4 ? 1 : 3;
  }
  if (form == kPaged && c.k_mode != c.v_mode) c.v_mode = c.k_mode, c.v_single = 0;
  return c;
}

// Every dim with some length and every length with some dim, in every form of the cache.
template <class Query, class Stored>
void sweep() {
  constexpr index_t query = kNumber<Query>, cache = kNumber<Stored>;
  Fences fences;
  std::uint64_t number = 0;
  for (const index_t form : {index_t{kContiguous}, index_t{kLeftPadded}, index_t{kPaged}, index_t{kList}}) {
    const auto attend = [&](index_t dim, index_t value_dim, index_t keys) {
      InferenceCase c = small_case(query, cache, form, number++);
      c.dim = dim, c.value_dim = value_dim, c.kv_len = keys;
      if (c.cache == kInt4) c.dim += c.dim % 2, c.value_dim += c.value_dim % 2;
      if (c.rope > 0) c.rope = 1 + keys % 33;
      expect_no_fault<Query, Stored>(c, fences);
    };
    for (index_t dim = 1; dim <= 33; ++dim) attend(dim, dim, 1 + dim * 7 % 65);
    for (const index_t dim : {64, 72, 80, 96, 100, 128})
      for (const index_t keys : {1, 15, 16, 17, 63, 64, 65, 130}) attend(dim, dim, keys);
    for (index_t keys = 1; keys <= 65; ++keys) attend(1 + keys * 5 % 33, 1 + keys * 11 % 33, keys);
    for (const index_t keys : {127, 128, 129, 191, 255, 256, 257, 320, 513}) attend(1 + keys % 33, 1 + keys % 17, keys);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

TEST(DecodeGuardPages, F32) { sweep<float, float>(); }
TEST(DecodeGuardPages, F32QueryF16Cache) { sweep<float, glint::half>(); }
TEST(DecodeGuardPages, F32QueryBf16Cache) { sweep<float, glint::bfloat16>(); }
TEST(DecodeGuardPages, F16) { sweep<glint::half, glint::half>(); }
TEST(DecodeGuardPages, Bf16) { sweep<glint::bfloat16, glint::bfloat16>(); }
TEST(DecodeGuardPages, Int8) { sweep<float, std::int8_t>(); }
TEST(DecodeGuardPages, Bf16QueryInt8Cache) { sweep<glint::bfloat16, std::int8_t>(); }
TEST(DecodeGuardPages, Int4) { sweep<glint::half, glint::int4x2>(); }

}  // namespace
}  // namespace glint_test
