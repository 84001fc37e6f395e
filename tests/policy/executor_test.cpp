// The executors that need no library keep the laws of executors.
#include "glint/policy/executor_threads.hpp"
#include "laws/executor_laws.hpp"

namespace glint_test {

template <>
struct ExecutorExamples<glint::Serial> {
  template <class Visit>
  static void each(const Visit& visit) {
    glint::Serial serial;
    visit(serial);
  }
};

template <>
struct ExecutorExamples<glint::Threads> {
  template <class Visit>
  static void each(const Visit& visit) {
    for (const index_t workers : {1, 2, 3, 8}) {
      glint::Threads threads(workers);
      visit(threads);
    }
  }
};

using Executors = testing::Types<glint::Serial, glint::Threads>;
INSTANTIATE_TYPED_TEST_SUITE_P(Library, ExecutorLaws, Executors);

namespace {

TEST(Serial, RunsInOrderOnTheCallingThread) {
  std::vector<index_t> order;
  const auto caller = std::this_thread::get_id();
  glint::Serial{}.for_each(4, [&](index_t task, index_t worker) {
    EXPECT_EQ(worker, 0);
    EXPECT_EQ(std::this_thread::get_id(), caller);
    order.push_back(task);
  });
  EXPECT_EQ(order, (std::vector<index_t>{0, 1, 2, 3}));
}

TEST(Threads, HaveAtLeastOneWorker) {
  EXPECT_EQ(glint::Threads(0).workers(), 1);
  EXPECT_EQ(glint::Threads(-3).workers(), 1);
  EXPECT_EQ(glint::Threads(5).workers(), 5);
}

// Two tasks that wait for each other end only if they really run at the same time.
TEST(Threads, RunTasksAtTheSameTime) {
  std::atomic<int> arrived{0};
  std::atomic<bool> met{false};
  glint::Threads(2).for_each(2, [&](index_t, index_t) {
    ++arrived;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (arrived < 2 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    if (arrived == 2) met = true;
  });
  EXPECT_TRUE(met);
}

}  // namespace
}  // namespace glint_test
