#include "tune/provider/rehearsal.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace bench::tune {

Complaint rehearse(const std::function<void()>& act, unsigned seconds) {
  constexpr int kDone = 85;  // what it ended by itself, with whatever status, it did not bear
  const pid_t child = ::fork();
  if (child < 0) return {};  // then without one
  if (child == 0) {
    ::alarm(seconds);
    act();
    ::_exit(kDone);  // no destructors: what is buffered belongs to the parent
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
    return {"timeout", "not done after " + std::to_string(seconds) + " seconds"};
  if (WIFSIGNALED(status)) return {"crashed", ::strsignal(WTERMSIG(status))};
  if (WEXITSTATUS(status) != kDone)
    return {"exited", "it ended its process with status " + std::to_string(WEXITSTATUS(status))};
  return {};
}

}  // namespace bench::tune
