// Cases of FlashAttentionScoreGrad.
#include "tune/worker/bench_of.hpp"
#include "tune/worker/operands.hpp"

namespace bench::tune {
namespace {

template <class Element>
struct GradientCopy : GradientInputs<Element> {
  explicit GradientCopy(const Case& c) : GradientInputs<Element>(workload_of(c), c.precise ? 0 : 1) {
    for (Buffer<Element>* gradient : {&this->d_q, &this->d_k, &this->d_v})
      *gradient = guarded<Element>(gradient->count());
  }
};

template <class Element>
class GradientOperands : public Operands {
 public:
  using Task = GradientTask<Element>;

  GradientOperands(const Case& c, index_t copies) : case_(c), copies_(copies, c) {}

  static Costs costs(const Case& c) { return prefill_costs(c); }
  glint::Status ready() const override { return copies_[0].ran(); }
  index_t copies() const override { return copies_.count(); }
  Task task(index_t which) const {
    const GradientCopy<Element>& copy = copies_[which];
    return {copy.problem(), case_.layout, copy.forward.workload.mode};
  }
  std::vector<Output> outputs() const override {
    const GradientCopy<Element>& copy = copies_[0];
    return {output("dq", copy.d_q), output("dk", copy.d_k), output("dv", copy.d_v)};
  }
  std::vector<std::span<const std::byte>> inputs() const override {
    const GradientCopy<Element>& copy = copies_[0];
    const Inputs<Element>& in = copy.forward;
    return {bytes_of(in.q),     bytes_of(in.k),     bytes_of(in.v),      bytes_of(in.out),
            bytes_of(copy.max), bytes_of(copy.sum), bytes_of(copy.d_out)};
  }

  // The statistics that the gradient starts from are the forward's, so its output is compared, too.
  Finding compare() const override {
    const GradientCopy<Element>& in = copies_[0];
    const ExactGradient<Element> exact(in);
    Finding finding = compare_output(RowsOfInputs<Element>(in.forward), case_);
    for (const OutputRow at : places(case_.n, case_.sq))
      compare_at("dq", in.d_q, case_.n, case_.sq, at, exact.d_q(at), finding);
    for (const OutputRow at : places(case_.nkv, case_.skv)) {
      compare_at("dk", in.d_k, case_.nkv, case_.skv, at, exact.d_k(at), finding);
      compare_at("dv", in.d_v, case_.nkv, case_.skv, at, exact.d_v(at), finding);
    }
    return finding;
  }

 private:
  // The first and the last row of each chosen block.
  std::vector<OutputRow> places(index_t heads, index_t rows) const {
    std::vector<OutputRow> list;
    for (const RowBlock& block : chosen_rows(case_.b, heads, rows)) {
      list.push_back({block.batch, block.head, block.first});
      if (block.count > 1) list.push_back({block.batch, block.head, block.first + block.count - 1});
    }
    return list;
  }
  // A row is small where its keys are hardly seen: then as close to zero as if its largest number were 0.1.
  void compare_at(const char* name, const Buffer<Element>& tensor, index_t heads, index_t rows, OutputRow at,
                  const std::vector<double>& want, Finding& finding) const {
    std::vector<double> got(want.size());
    const Workload& w = copies_[0].forward.workload;
    take_row(tensor.data() + offset(w, heads, rows, static_cast<index_t>(want.size()), at), got);
    compare_row({name, at.batch, at.head, at.row}, got, want, {case_.dtype, kSmallGradient}, finding);
  }

  Case case_;
  Copies<GradientCopy<Element>> copies_;
};

}  // namespace

std::unique_ptr<CaseBench> backward_bench(const Case& c) {
  if (c.dtype == DType::f16) return std::make_unique<BenchOf<GradientOperands<glint::half>>>(c, c.dtype);
  if (c.dtype == DType::bf16) return std::make_unique<BenchOf<GradientOperands<glint::bfloat16>>>(c, c.dtype);
  return std::make_unique<BenchOf<GradientOperands<float>>>(c, c.dtype);
}

}  // namespace bench::tune
