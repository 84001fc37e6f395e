// Cases of IncreFlashAttention: new rows against a cache.
#include "support/cached_answer.hpp"
#include "tune/worker/bench_of.hpp"
#include "tune/worker/operands.hpp"

namespace bench::tune {
namespace {

template <class Element, class Kv>
class IncreOperands : public Operands, private Rows {
 public:
  using Task = IncreTask;

  // A copy is a layer.
  IncreOperands(const Case& c, index_t copies) : case_(c), in_(cached_workload_of(c, copies)) {
    in_.out = guarded<Element>(in_.out.count());
    poison(output("attention_out", in_.out));
  }

  static Costs costs(const Case& c) {
    const CachedWorkload w = cached_workload_of(c, 1);
    const double all = workload_of(c).all_pairs() * workload_of(c).heads();
    return {w.flops(), workload_of(c).flops_of_a_pair() * all, w.bytes<typename Kv::element>(), peak_of(c), true};
  }
  glint::Status ready() const override { return glint::check_incre(task(0).decode); }
  index_t copies() const override { return in_.layers; }
  Task task(index_t layer) const {
    auto decode = in_.template problem<glint::IncreProblem<Element, Kv>>(layer);
    auto prompt = in_.template problem<glint::PromptProblem<Element, Kv>>(layer);
    decode.inner_precise = prompt.inner_precise = case_.precise ? 0 : 1;
    const auto mode = case_.sq > 1 ? glint::SparseMode::right_down_causal : glint::SparseMode::default_mask;
    return {glint::detail::erase(decode, case_.layout), glint::detail::erase(prompt, case_.layout, case_.layout, mode)};
  }
  std::vector<Output> outputs() const override { return {output("attention_out", in_.out)}; }
  std::vector<std::span<const std::byte>> inputs() const override {
    return {bytes_of(in_.q), resident(), bytes_of(in_.k_factors), bytes_of(in_.v_factors),
            std::as_bytes(std::span(in_.block_table))};
  }
  std::span<const std::byte> resident() const override { return in_.bytes_of_first_layer(); }
  Finding compare() const override { return compare_output(*this, case_); }

  // As the oracle asks for them.
  using Row = std::vector<double>;
  void q_row(index_t b, index_t n, index_t r, Row& row) const override {
    take_row(in_.q_of(0) + in_.query_at(b, n, r, case_.d), row);
  }
  void out_row(index_t b, index_t n, index_t r, Row& row) const override {
    take_row(in_.out_of(0) + in_.query_at(b, n, r, case_.dv), row);
  }
  void k_row(index_t b, index_t n, index_t t, Row& row) const override {
    const auto* const k = in_.k(0) + in_.k_at(b, n, t);
    for (std::size_t i = 0; i < row.size(); ++i) {
      const auto d = static_cast<index_t>(i);
      row[i] = in_.k_factor(b, n, t, d) * number(k, d);
    }
  }
  void v_row(index_t b, index_t n, index_t t, Row& row) const override {
    const auto* const v = in_.v(0) + in_.v_at(b, n, t);
    for (std::size_t i = 0; i < row.size(); ++i) {
      const auto d = static_cast<index_t>(i);
      row[i] = in_.v_factor(b, n, t, d) * number(v, d);
    }
  }

 private:
  Case case_;
  CachedInputs<Element, Kv> in_;
};

template <class Element, class Stored>
std::unique_ptr<CaseBench> of_types(const Case& c) {
  if (c.block > 0) return std::make_unique<BenchOf<IncreOperands<Element, glint::kv::Paged<Stored>>>>(c, c.cache);
  return std::make_unique<BenchOf<IncreOperands<Element, glint::kv::Contiguous<Stored>>>>(c, c.cache);
}

template <class Element>
std::unique_ptr<CaseBench> of_query(const Case& c) {
  if (c.cache == DType::i8) return of_types<Element, std::int8_t>(c);
  if (c.cache == DType::i4) return of_types<Element, glint::int4x2>(c);
  if constexpr (std::is_same_v<Element, float>) {
    if (c.cache == DType::f16) return of_types<Element, glint::half>(c);
    if (c.cache == DType::bf16) return of_types<Element, glint::bfloat16>(c);
  }
  return of_types<Element, Element>(c);
}

}  // namespace

std::unique_ptr<CaseBench> incre_bench(const Case& c) {
  if (c.dtype == DType::f16) return of_query<glint::half>(c);
  return c.dtype == DType::bf16 ? of_query<glint::bfloat16>(c) : of_query<float>(c);
}

}  // namespace bench::tune
