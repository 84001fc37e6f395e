// One case, ready to be checked and timed: what the worker's commands ask for.
#pragma once

#include <memory>

#include "tune/case_line.hpp"
#include "tune/gate.hpp"
#include "tune/oracle.hpp"
#include "tune/operands.hpp"

namespace bench::tune {

// warm: the same operands again and again.  cold: copies of them, more than the last-level cache holds.  evicted: the
// same, but between two calls other memory is read, as the other layers of a model do.
enum class CacheState { warm, cold, evicted };

struct Checked {
  Complaint complaint{};
  Finding finding{};
};

struct Timed {
  Complaint complaint{};
  double seconds = 0, calls = 0, peak_flops = 0, share = 0, best_share = 0;
  double read_share = -1;  // of incre
  double workspace = 0;
};

class CaseBench {
 public:
  virtual ~CaseBench() = default;
  virtual Costs costs() const = 0;
  virtual std::vector<std::string> candidates() const = 0;
  virtual glint::Status ready() = 0;  // is the problem legal?
  // After ready().  A library that is no provider, or crashes when it is loaded and asked, becomes a candidate, too:
  // one that says what is wrong with it.
  virtual void add_provider(const std::string& path) = 0;
  virtual Checked check(const std::string& name) = 0;
  virtual Timed time(const std::string& name, CacheState state, double seconds) = 0;
};

// By the files of the operators; for the case's types.
std::unique_ptr<CaseBench> forward_bench(const Case& c);
std::unique_ptr<CaseBench> backward_bench(const Case& c);
std::unique_ptr<CaseBench> prompt_bench(const Case& c);
std::unique_ptr<CaseBench> incre_bench(const Case& c);

inline std::unique_ptr<CaseBench> bench_for(const Case& c) {
  switch (c.op) {
    case Op::fwd: return forward_bench(c);
    case Op::bwd: return backward_bench(c);
    case Op::prompt: return prompt_bench(c);
    case Op::incre: break;
  }
  return incre_bench(c);
}

}  // namespace bench::tune
