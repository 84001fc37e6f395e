// The laws that every executor must keep, as a typed suite.  The author of an adaptor for a pool writes
//
//   template <>
//   struct glint_test::ExecutorExamples<MyPool> {
//     template <class Visit>
//     static void each(const Visit& visit) { MyPool pool(4); visit(pool); }
//   };
//   namespace glint_test { INSTANTIATE_TYPED_TEST_SUITE_P(MyPool, ExecutorLaws, MyPool); }
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "glint/policy/executor.hpp"

namespace glint_test {

using glint::index_t;

template <class TestedExecutor>
struct ExecutorExamples;

// What one for_each did.
struct Record {
  explicit Record(index_t tasks, index_t workers)
      : runs(static_cast<std::size_t>(tasks)), busy(static_cast<std::size_t>(workers)) {}
  std::vector<std::atomic<int>> runs;   // of each task
  std::vector<std::atomic<bool>> busy;  // is this worker inside a task
  std::atomic<int> strange_tasks{0}, strange_workers{0}, overlaps{0};

  void run(index_t task, index_t worker) {
    if (task < 0 || task >= static_cast<index_t>(runs.size())) return void(++strange_tasks);
    if (worker < 0 || worker >= static_cast<index_t>(busy.size())) return void(++strange_workers);
    std::atomic<bool>& flag = busy[static_cast<std::size_t>(worker)];
    if (flag.exchange(true)) ++overlaps;
    // Tasks of different length, long enough to meet each other.
    if (task % 3 == 0) std::this_thread::sleep_for(std::chrono::microseconds(200));
    ++runs[static_cast<std::size_t>(task)];
    flag = false;
  }
};

template <class TestedExecutor, class Check>
void each_run(const Check& check) {
  ExecutorExamples<TestedExecutor>::each([&](auto& executor) {
    ASSERT_GE(executor.workers(), 1);
    for (const index_t tasks : {0, 1, 2, 7, 100}) {
      Record record(tasks, executor.workers());
      executor.for_each(tasks, [&](index_t task, index_t worker) { record.run(task, worker); });
      check(record);
    }
  });
}

template <class TestedExecutor>
class ExecutorLaws : public testing::Test {};

TYPED_TEST_SUITE_P(ExecutorLaws);
TYPED_TEST_P(ExecutorLaws, IsAnExecutor) { EXPECT_TRUE(glint::Executor<TypeParam>); }

// Also: all have run when for_each returns.
TYPED_TEST_P(ExecutorLaws, RunsEveryTaskOnce) {
  each_run<TypeParam>([](const Record& record) {
    EXPECT_EQ(record.strange_tasks, 0);
    for (const auto& runs : record.runs) EXPECT_EQ(runs, 1);
  });
}

TYPED_TEST_P(ExecutorLaws, WorkersAreNumberedBelowWorkers) {
  each_run<TypeParam>([](const Record& record) { EXPECT_EQ(record.strange_workers, 0); });
}

TYPED_TEST_P(ExecutorLaws, CallsThatOverlapHaveDifferentWorkers) {
  each_run<TypeParam>([](const Record& record) { EXPECT_EQ(record.overlaps, 0); });
}
REGISTER_TYPED_TEST_SUITE_P(ExecutorLaws, IsAnExecutor, RunsEveryTaskOnce, WorkersAreNumberedBelowWorkers,
                            CallsThatOverlapHaveDifferentWorkers);

}  // namespace glint_test
