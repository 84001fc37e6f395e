// A child that ends in one of many ways, and what is said of it.
#include "tune/provider/rehearsal.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

namespace bench::tune {
namespace {

TEST(Rehearsal, IsOverWhenNothingHappened) {
  bool here = true;
  EXPECT_FALSE(rehearse([&] { here = false; }, 10));
  EXPECT_TRUE(here) << "what the child changes is its own";
}

TEST(Rehearsal, SaysHowItEnded) {
  const Complaint crashed = rehearse([] { ::raise(SIGKILL); }, 10);
  EXPECT_EQ(crashed.code, "crashed");
  EXPECT_EQ(crashed.message, "Killed");
  const Complaint exited = rehearse([] { ::_exit(3); }, 10);
  EXPECT_EQ(exited.code, "exited");
  EXPECT_EQ(exited.message, "it ended its process with status 3");
}

TEST(Rehearsal, DoesNotLastForever) {
  const Complaint endless = rehearse(
      [] {
        for (;;) ::pause();
      },
      1);
  EXPECT_EQ(endless.code, "timeout");
  EXPECT_EQ(endless.message, "not done after 1 seconds");
}

}  // namespace
}  // namespace bench::tune
