// A row of the decode program: IncreFlashAttention on a workload, and what it is compared with.
#pragma once

#include <type_traits>

#include "ops/decode/workloads.hpp"
#include "support/cached_answer.hpp"
#include "support/lasting_pool.hpp"
#include "support/roof.hpp"

namespace bench {

struct DecodeVariant {
  int inner_precise = 1;
  Peak peak = Peak::multiply_add;
  int threads = 1;
  bool with_door = false;   // beside the typed functor, the run-time call on the same tensors
  bool with_plain = false;  // beside pages, one tensor
};

// The layers of one model, each call the next one's.  Where two take turns they share `turn`, so that neither reads
// what the other has just read.
template <class LayoutTag, class Element, class Kv>
class DecodeLayers {
 public:
  using Functor = glint::IncreFlashAttention<LayoutTag, Element, Kv>;
  using Problem = glint::IncreProblem<Element, Kv>;

  DecodeLayers(CachedWorkload w, const DecodeVariant& how, index_t& turn)
      : in_((w.layout = LayoutTag::kind, w)), turn_(turn) {
    for (index_t layer = 0; layer < in_.layers; ++layer) {
      problems_.push_back(in_.template problem<Problem>(layer));
      problems_.back().inner_precise = how.inner_precise;
    }
    workspace_.resize(static_cast<std::size_t>(Functor::workspace_bytes(problems_[0], how.threads)));
  }

  template <class Pool>
  glint::Status run(const Pool& pool) {
    return Functor{}(problems_[next()], pool, workspace_);
  }
  glint::Status run_door() {
    if constexpr (std::is_same_v<Kv, glint::kv::Contiguous<typename Kv::element>>) {
      if (calls_.empty()) {
        for (index_t layer = 0; layer < in_.layers; ++layer) calls_.push_back(in_.call(layer));
        for (auto& call : calls_) call.inner_precise = problems_[0].inner_precise;
      }
      return glint::incre_flash_attention(calls_[next()], glint::Serial{}, workspace_);
    }
    return glint::Status::ok();
  }

  // What was calculated last.
  bool right() const { return bench::right(in_, last_); }
  const CachedInputs<Element, Kv>& inputs() const { return in_; }

  MemoryWork work(const DecodeVariant& how) {
    MemoryWork work{.bytes = in_.bytes(),
                    .flops = in_.workload.flops(),
                    .workspace = static_cast<double>(workspace_.size()),
                    .peak = how.peak,
                    .threads = how.threads};
    if (in_.workload.in_cache) work.resident = in_.bytes_of_first_layer();
    work.run = [this] { return run(glint::Serial{}); };
    return work;
  }

 private:
  std::size_t next() {
    turn_ = (turn_ + 1) % in_.layers;
    return static_cast<std::size_t>(last_ = turn_);
  }

  CachedInputs<Element, Kv> in_;
  index_t& turn_;
  index_t last_ = 0;
  std::vector<Problem> problems_{};
  std::vector<glint::IncreFlashAttentionCall> calls_{};
  std::vector<std::byte> workspace_{};
};

inline void finish(benchmark::State& state, bool right) {
  if (!right && !state.error_occurred()) state.SkipWithError("the output is wrong");
}

template <class LayoutTag, class Element, class Kv>
void run_decode(benchmark::State& state, const CachedWorkload& w, const DecodeVariant& how) {
  index_t turn = 0;
  DecodeLayers<LayoutTag, Element, Kv> layers(w, how, turn);
  MemoryWork work = layers.work(how);
  if (how.threads > 1) {
    work.rival_counter = "times_one_thread";
    work.rival = work.run;
    work.run = [&, pool = lasting_pool(how.threads)] { return layers.run(pool); };
  } else if (how.with_door) {
    work.rival_counter = "run_time_over_typed";
    work.rival = [&] { return layers.run_door(); };
  }
  measure(state, work);
  finish(state, layers.right());
}

// Pages beside one tensor that holds the tokens or the heads in the same order, so that only paging differs.
template <class PlainLayout, class Element, class Stored>
void run_paged(benchmark::State& state, const CachedWorkload& w, const DecodeVariant& how) {
  index_t turn = 0;
  DecodeLayers<glint::layout::BNSD, Element, glint::kv::Paged<Stored>> paged(w, how, turn);
  DecodeLayers<PlainLayout, Element, glint::kv::Contiguous<Stored>> plain(w, how, turn);
  MemoryWork work = paged.work(how);
  work.rival_counter = "paged_over_plain";
  work.rival = [&] { return plain.run(glint::Serial{}); };
  work.ours_over_rival = true;
  measure(state, work);
  finish(state, paged.right() && plain.right());
}

// `type` and `variant` are parts of the row's name.
inline std::string decode_row(Layout layout, const std::string& type, const std::string& workload,
                              const std::string& variant) {
  return std::string("decode/incre/") + name(layout) + "/" + type + "/" + workload +
         (variant.empty() ? "" : "/" + variant);
}

template <class Element, class Kv, class LayoutTag = glint::layout::BNSD>
void add_decode(const CachedWorkload& w, const std::string& type, const std::string& variant,
                const DecodeVariant& how) {
  add_memory_row(decode_row(LayoutTag::kind, type, w.name, variant), w.bytes<typename Kv::element>(),
                 [w, how](benchmark::State& state) { run_decode<LayoutTag, Element, Kv>(state, w, how); });
}

// Both orders of pages.
template <class Element, class Stored>
void add_paged(CachedWorkload w, const std::string& type, index_t block_size, const DecodeVariant& how) {
  w.block_size = block_size;
  const std::string variant = "paged_" + std::to_string(block_size);
  w.pages = glint::PageLayout::token_major;
  add_memory_row(decode_row(w.layout, type, w.name, variant + "_token_major"), 2 * w.bytes<Stored>(),
                 [w, how](benchmark::State& state) { run_paged<glint::layout::BSND, Element, Stored>(state, w, how); });
  w.pages = glint::PageLayout::head_major;
  add_memory_row(decode_row(w.layout, type, w.name, variant + "_head_major"), 2 * w.bytes<Stored>(),
                 [w, how](benchmark::State& state) { run_paged<glint::layout::BNSD, Element, Stored>(state, w, how); });
}

}  // namespace bench
