// Work on one's own thread pool, in one's own memory: the adaptor is ten lines, and the call allocates nothing.
#include <atomic>
#include <barrier>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <thread>
#include <vector>

#include "glint/glint.hpp"

static std::atomic<int> allocations{0};
void* operator new(std::size_t bytes) {
  ++allocations;
  if (void* const memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

// Stands for the pool that an engine has: run() calls job(context, thread) on both threads, and waits.
struct Pool {
  using Job = void (*)(const void* context, int thread);
  std::barrier<> gate{2};
  Job job = nullptr;
  const void* context = nullptr;
  std::jthread helper{[this] {
    while (take_part(1)) continue;
  }};

  ~Pool() { run(nullptr, nullptr); }
  void run(Job new_job, const void* new_context) {
    job = new_job, context = new_context;
    take_part(0);
  }
  bool take_part(int thread) {
    gate.arrive_and_wait();
    if (job == nullptr) return false;
    job(context, thread);
    gate.arrive_and_wait();
    return true;
  }
};

// The adaptor: each task once, on any thread, and no two threads under the same worker number.
struct PoolExecutor {
  Pool& pool;
  glint::index_t workers() const { return 2; }
  template <class Task>
  void for_each(glint::index_t n, const Task& task) const {
    std::atomic<glint::index_t> next{0};
    const auto work = [&](int thread) {
      for (glint::index_t i = next++; i < n; i = next++) task(i, thread);
    };
    pool.run([](const void* context, int thread) { (*static_cast<decltype(&work)>(context))(thread); }, &work);
  }
};

int main() {
  Pool pool;
  const PoolExecutor executor{pool};
  std::vector<float> x(8 * 100 * 64), out(x), alone(x);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<float>(i));

  const glint::FlashAttentionScore<glint::layout::BNSD, float, glint::SparseMode::right_down_causal> attend;
  glint::ScoreProblem<float> problem{.q = x.data(),
                                     .k = x.data(),
                                     .v = x.data(),
                                     .out = out.data(),
                                     .shape = {.batch = 1, .heads = 8, .q_len = 100, .kv_len = 100, .head_dim = 64},
                                     .scale = 0.125F};
  const auto bytes = static_cast<std::size_t>(attend.workspace_bytes(problem, executor.workers()));
  std::vector<std::byte> workspace(bytes);

  const int before = allocations;
  const glint::Status status = attend(problem, executor, workspace);
  std::printf("%s, %d allocations during the call\n", status ? "done" : status.rule, allocations - before);

  problem.out = alone.data();
  const glint::Status serial = attend(problem);
  std::printf("one thread gives %s\n", serial && out == alone ? "the same bits" : "OTHER bits");
}
