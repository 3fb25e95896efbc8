#include "agent/dpi/sandbox.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <initializer_list>
#include <iterator>
#include <memory>

namespace schoolgate::agent {
namespace {

constexpr char kAccount[] = "_schoolgate-dpi";
constexpr uid_t kNobody = 65534;

absl::Status Failed(const char* what) {
  return absl::ErrnoToStatus(errno, what);
}

absl::Status BecomeNobody() {
  uid_t uid = kNobody;
  gid_t gid = kNobody;
  if (const passwd* account = getpwnam(kAccount)) {
    uid = account->pw_uid;
    gid = account->pw_gid;
  }
  // An agent that holds no more than its two capabilities cannot give us
  // another account; what follows takes everything else away.
  if (setgroups(0, nullptr) != 0 && errno == EPERM) return absl::OkStatus();
  if (setgroups(0, nullptr) != 0 || setresgid(gid, gid, gid) != 0 ||
      setresuid(uid, uid, uid) != 0) {
    return Failed("account: cannot be changed");
  }
  return absl::OkStatus();
}

absl::Status DropCapabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct held[_LINUX_CAPABILITY_U32S_3]{};
  // A service manager may forbid capset itself: then there must be nothing to
  // drop.
  if (syscall(SYS_capget, &header, held) != 0) {
    return Failed("capabilities: cannot be read");
  }
  bool any = false;
  for (const __user_cap_data_struct& some : held) {
    any = any || (some.effective | some.permitted) != 0;
  }
  std::fill(std::begin(held), std::end(held), __user_cap_data_struct{});
  if (syscall(SYS_capset, &header, held) != 0 && any) {
    return Failed("capabilities: cannot be dropped");
  }
  return absl::OkStatus();
}

absl::Status Limit(int resource, rlim_t most) {
  const rlimit limit{most, most};
  return setrlimit(static_cast<__rlimit_resource>(resource), &limit) == 0
             ? absl::OkStatus()
             : Failed("limits: cannot be set");
}

// Without buffers, which would ask the kernel about the descriptor.
bool SendWordsNowhere() {
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) return false;
  bool ok = true;
  for (const int words : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    ok = ok && dup2(null, words) >= 0;
  }
  close(null);
  return ok && setvbuf(stdout, nullptr, _IONBF, 0) == 0;
}

struct FreeFilter {
  void operator()(void* filter) const { seccomp_release(filter); }
};

// What malloc, poll and nDPI need once they run; found by running the tests'
// captures under the filter.
bool AddRules(scmp_filter_ctx filter, int door) {
  bool ok = true;
  const auto allow = [&](int call, std::initializer_list<scmp_arg_cmp> when) {
    ok = ok && seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call,
                                      static_cast<unsigned>(when.size()),
                                      when.begin()) == 0;
  };
  const auto on_door = SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(door));
  allow(SCMP_SYS(read), {on_door});
  allow(SCMP_SYS(write), {on_door});
  // Nowhere: a library that complains must not die of it.
  allow(SCMP_SYS(write), {SCMP_A0(SCMP_CMP_EQ, STDOUT_FILENO)});
  allow(SCMP_SYS(write), {SCMP_A0(SCMP_CMP_EQ, STDERR_FILENO)});
  for (const int call :
       {SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(brk), SCMP_SYS(munmap),
        SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(exit),
        SCMP_SYS(exit_group), SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall),
        SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(time),
        SCMP_SYS(futex), SCMP_SYS(getrandom)}) {
    allow(call, {});
  }
  const auto no_code = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
  allow(SCMP_SYS(mmap),
        {no_code, SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS)});
  allow(SCMP_SYS(mprotect), {no_code});
  return ok;
}

}  // namespace

absl::Status DropRights() {
  // Bounded first: this needs CAP_SETPCAP, which goes with the rest.
  for (int capability = 0; geteuid() == 0 && capability <= CAP_LAST_CAP;
       ++capability) {
    (void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  }
  if (geteuid() == 0) {
    if (absl::Status status = BecomeNobody(); !status.ok()) return status;
  }
  if (absl::Status status = DropCapabilities(); !status.ok()) return status;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
    return Failed("rights: cannot be given away");
  }
  // Forgotten by the kernel when the account changed.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) {
    return Failed("end: cannot be tied to the agent's");
  }
  return absl::OkStatus();
}

absl::Status CloseSandbox(int door, size_t most_memory_bytes) {
  if (!SendWordsNowhere()) return Failed("/dev/null: cannot be used");
  tzset();  // reads a file once, as nDPI's dates of certificates need it
  for (const auto& [resource, most] :
       std::initializer_list<std::pair<int, rlim_t>>{
           {RLIMIT_AS, most_memory_bytes},
           // poll(2) refuses more descriptors than this, though they are open;
           // no new one fits beneath it.
           {RLIMIT_NOFILE, 1},
           {RLIMIT_FSIZE, 0},
           {RLIMIT_NPROC, 0},
           {RLIMIT_CORE, 0}}) {
    if (absl::Status status = Limit(resource, most); !status.ok()) {
      return status;
    }
  }
  const std::unique_ptr<void, FreeFilter> filter(
      seccomp_init(SCMP_ACT_KILL_PROCESS));
  if (filter == nullptr || !AddRules(filter.get(), door)) {
    return absl::InternalError("seccomp: the filter cannot be made");
  }
  if (const int error = seccomp_load(filter.get()); error != 0) {
    errno = -error;
    return Failed("seccomp: the filter cannot be set");
  }
  return absl::OkStatus();
}

}  // namespace schoolgate::agent
