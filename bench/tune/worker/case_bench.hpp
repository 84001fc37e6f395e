// One case, ready to be checked and timed: what the worker's commands ask for.
#pragma once

#include <memory>
#include <optional>

#include "support/runner.hpp"
#include "tune/worker/candidates.hpp"
#include "tune/worker/gate.hpp"
#include "tune/worker/oracle.hpp"

namespace bench::tune {

// What a case costs, whoever calculates it.
struct Costs {
  double useful_flops = 0, dense_flops = 0;  // dense: if every query saw every key
  double bytes = 0;                          // of all operands, each once; of incre: of the keys and values
  Peak peak = Peak::multiply_add;
  bool by_roof = false;  // held against the lower of two ceilings, memory and arithmetic
};

// A case in memory, once or in several copies.  The gate looks at the first.
class Operands {
 public:
  virtual ~Operands() = default;
  virtual index_t copies() const = 0;
  virtual glint::Status ready() const = 0;  // is there a legal problem?
  virtual std::vector<Output> outputs() const = 0;
  virtual std::vector<std::span<const std::byte>> inputs() const = 0;
  virtual Finding compare() const = 0;
  // Of costs by the roof: what is read again and again where there is one copy.
  virtual std::span<const std::byte> resident() const { return {}; }
};

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

class Evictor;

class CaseBench {
 public:
  CaseBench(const Case& c, const Costs& costs);
  virtual ~CaseBench();
  const Costs& costs() const { return costs_; }
  std::vector<std::string> candidates() const;
  glint::Status ready() { return operands(1).ready(); }
  // After ready().  A library that is no provider becomes a candidate, too: one that says what is wrong with it.
  virtual void add_provider(const std::string& path) = 0;

  Checked check(const std::string& name);
  Timed time(const std::string& name, CacheState state, double seconds);

 protected:
  // A candidate, given one of the copies of the operands.
  struct Runnable {
    std::string name;
    Complaint trouble;
    std::function<glint::Status(index_t, const Threads&, std::span<std::byte>)> run;
    std::function<index_t()> workspace_bytes;
  };

  const Runnable* find(const std::string& name) const;
  // One set at a time: the copies of another may be a gigabyte.
  Operands& operands(index_t copies);
  virtual std::unique_ptr<Operands> make_operands(index_t copies) = 0;

  Case case_;
  std::vector<Runnable> runnables_{};

 private:
  Complaint damage(const Runnable& candidate, const Operands& in);
  Timed clocked(const std::string& name, const std::function<glint::Status()>& call, CacheState state, double seconds);
  Timed measured(const std::string& name, const std::function<glint::Status()>& call,
                 const std::function<void()>& before, CacheState state, double iteration, double seconds);
  const Evictor& evictor();

  Costs costs_;
  std::unique_ptr<Operands> operands_{};
  std::unique_ptr<Evictor> evictor_;
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
