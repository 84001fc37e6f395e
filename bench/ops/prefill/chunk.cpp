// A chunk of a prompt, 512 rows, against the 4096 keys that its cache holds with it: one tensor, pages, left padding,
// integers.  Pages and left padding are run beside one tensor with the same order of tokens and heads.
#include "ops/prefill/rows.hpp"
#include "support/cached_answer.hpp"

namespace bench {
namespace {

using glint::layout::BNSD, glint::layout::BSND;

const CachedWorkload kChunk{
    .name = "512x4096",
    .shape = {.batch = 1, .heads = 32, .kv_heads = 8, .q_len = 512, .kv_len = 4096, .head_dim = 128},
    .draft = glint::DraftMask::causal,
    .in_cache = true};

template <class LayoutTag, class Element, class Kv>
class Chunk {
 public:
  using Functor = glint::PromptFlashAttention<LayoutTag, Element, SparseMode::right_down_causal, Kv>;
  using Problem = typename Functor::Problem;

  Chunk(CachedWorkload w, const Variant& how)
      : in_((w.layout = LayoutTag::kind, w)), calls_(in_.template problem<Problem>(0), how) {}

  glint::Status operator()() { return calls_(); }
  bool right() const { return bench::right(in_, 0); }
  Work work(const Variant& how) {
    return {.run = std::ref(*this),
            .useful_flops = in_.workload.flops(),
            .bytes = in_.bytes(),
            .workspace = static_cast<double>(calls_.workspace().size()),
            .peak = how.peak};
  }

 private:
  CachedInputs<Element, Kv> in_;
  Calls<Functor> calls_;
};

void add_chunk(Layout layout, const std::string& type, const std::string& variant,
               std::function<void(benchmark::State&)> body) {
  add_row(prefill_row("chunk", layout, type, kChunk.name, variant), kChunk.flops(), std::move(body));
}

template <class Element, class Kv>
void add_alone(const CachedWorkload& w, const std::string& type, const std::string& variant, const Variant& how) {
  add_chunk(Layout::BNSD, type, variant, [w, how](benchmark::State& state) {
    Chunk<BNSD, Element, Kv> chunk(w, how);
    measure(state, chunk.work(how));
    finish(state, chunk.right());
  });
}

template <class Element, class Kv, class PlainLayout>
void add_beside_plain(const CachedWorkload& w, const std::string& type, const std::string& variant, const char* counter,
                      const Variant& how) {
  add_chunk(Layout::BNSD, type, variant, [w, counter, how](benchmark::State& state) {
    Chunk<BNSD, Element, Kv> chunk(w, how);
    Chunk<PlainLayout, Element, glint::kv::Contiguous<typename Kv::element>> plain(kChunk, how);
    Work work = chunk.work(how);
    work.rival_counter = counter;
    work.rival = std::ref(plain);
    work.ours_over_rival = true;
    measure(state, work);
    finish(state, chunk.right() && plain.right());
  });
}

template <class Element>
void add_pages(const std::string& type, const Variant& how) {
  using Paged = glint::kv::Paged<Element>;
  for (const index_t block_size : {128, 64, 16}) {
    CachedWorkload w = kChunk;
    w.block_size = block_size;
    const std::string variant = "paged_" + std::to_string(block_size);
    w.pages = glint::PageLayout::token_major;
    add_beside_plain<Element, Paged, BSND>(w, type, variant + "_token_major", "paged_over_plain", how);
    w.pages = glint::PageLayout::head_major;
    add_beside_plain<Element, Paged, BNSD>(w, type, variant + "_head_major", "paged_over_plain", how);
  }
}

template <class Element>
void add_caches(const std::string& type, const Variant& how) {
  using glint::kv::Contiguous, glint::kv::LeftPadded;
  add_alone<Element, Contiguous<Element>>(kChunk, type, "", how);
  add_pages<Element>(type, how);
  CachedWorkload padded = kChunk, by_token = kChunk;
  padded.rows_before = 156;
  padded.rows_after = 100;
  add_beside_plain<Element, LeftPadded<Element>, BNSD>(padded, type, "left_padded", "padded_over_plain", how);
  by_token.by_token = true;
  const Variant floats{.inner_precise = how.inner_precise};  // integers become floats
  add_alone<Element, Contiguous<std::int8_t>>(kChunk, type, "int8_by_channel", floats);
  add_alone<Element, Contiguous<std::int8_t>>(by_token, type, "int8_by_token", floats);
  add_alone<Element, Contiguous<glint::int4x2>>(kChunk, type, "int4_by_channel", floats);
}

const bool kRegistered = [] {
  add_caches<float>("f32", {});
  add_caches<glint::half>("f16", {});
  add_caches<glint::bfloat16>("bf16", {.inner_precise = 1, .peak = Peak::bf16_dot});
  return true;
}();

}  // namespace
}  // namespace bench
