#include "platform/rights.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>

namespace schoolgate::platform {
namespace {

constexpr uint64_t Bit(int capability) { return uint64_t{1} << capability; }

constexpr uint64_t kNeeded = Bit(CAP_NET_ADMIN) | Bit(CAP_NET_RAW) |
                             Bit(CAP_SYS_PTRACE) | Bit(CAP_DAC_READ_SEARCH) |
                             Bit(CAP_DAC_OVERRIDE) | Bit(CAP_FOWNER) |
                             Bit(CAP_CHOWN) | Bit(CAP_KILL);

}  // namespace

absl::Status DropNeedlessRights() {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return absl::ErrnoToStatus(errno, "rights: new ones cannot be shut out");
  }
  for (int capability = 0; capability < 64; ++capability) {
    if ((kNeeded & Bit(capability)) != 0) continue;
    // Fails beyond the last that the kernel knows, and without CAP_SETPCAP:
    // then there is nothing that could be inherited.
    (void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  }
  __user_cap_header_struct head{.version = _LINUX_CAPABILITY_VERSION_3,
                                .pid = 0};
  std::array<__user_cap_data_struct, 2> sets{};
  if (syscall(SYS_capget, &head, sets.data()) != 0) {
    return absl::ErrnoToStatus(errno, "rights: cannot be read");
  }
  uint32_t needless = 0;
  for (size_t half = 0; half < sets.size(); ++half) {
    const auto needed = static_cast<uint32_t>(kNeeded >> (32 * half));
    needless |= (sets[half].permitted | sets[half].inheritable) & ~needed;
    sets[half].effective &= needed;
    sets[half].permitted &= needed;
    sets[half].inheritable &= needed;
  }
  // A service's sandbox may have taken the call itself away.
  if (needless == 0) return absl::OkStatus();
  if (syscall(SYS_capset, &head, sets.data()) != 0) {
    return absl::ErrnoToStatus(errno, "rights: cannot be given up");
  }
  return absl::OkStatus();
}

void ForbidCoreDumps() {
  // To one byte: of a limit of none the kernel writes no file, but hands the
  // image to whatever program collects crashes, which may keep it; of one byte
  // it does neither.
  const rlimit none{.rlim_cur = 1, .rlim_max = 1};
  if (setrlimit(RLIMIT_CORE, &none) == 0) return;
  // Only root may raise a limit that is nothing already.
  (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

}  // namespace schoolgate::platform
