#include "platform/rights.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace schoolgate::platform {
namespace {

// What `look` finds after ForbidCoreDumps in a process of its own.
bool InAnotherProcess(bool (*look)()) {
  const pid_t child = fork();
  if (child == 0) _exit(look() ? 0 : 1);
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) &&
         WEXITSTATUS(status) == 0;
}

// A crash whose image a collector of crashes would keep: with a limit of
// nothing the kernel gives it the whole of it, with one byte it gives nothing.
TEST(CoreDumps, AreGivenToNoProgramEither) {
  EXPECT_TRUE(InAnotherProcess([] {
    ForbidCoreDumps();
    rlimit now{};
    return getrlimit(RLIMIT_CORE, &now) == 0 && now.rlim_cur == 1 &&
           now.rlim_max == 1;
  }));
}

TEST(CoreDumps, AreForbiddenWhereTheLimitCannotBeRaised) {
  EXPECT_TRUE(InAnotherProcess([] {
    const rlimit nothing{.rlim_cur = 0, .rlim_max = 0};
    if (setrlimit(RLIMIT_CORE, &nothing) != 0) return false;
    if (geteuid() == 0 && setuid(65534) != 0) return false;
    (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);  // a change of user takes it
    ForbidCoreDumps();
    return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0;
  }));
}

}  // namespace
}  // namespace schoolgate::platform
