#include "platform/processes.h"

#include <dirent.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace schoolgate::platform {
namespace {

// Holders remembered per uid; a person runs few networked programs at a time.
constexpr size_t kMaxRemembered = 8;
constexpr size_t kMaxUids = 256;
// Bounds the work of one look-up on a machine with very many processes.
constexpr size_t kMaxProcesses = 4096;
constexpr size_t kMaxDescriptors = 4096;
constexpr size_t kDescriptorsATime = 256;  // until the clock is read again

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

using SteadyClock = std::chrono::steady_clock;

// So much time of each second. Reading the clock costs little beside a look at
// a process.
class TimeShare {
 public:
  explicit TimeShare(SteadyClock::duration share) : share_(share) {}

  // False when nothing is left.
  bool Begin() {
    const auto now = SteadyClock::now();
    if (now - second_ >= std::chrono::seconds(1)) {
      second_ = now;
      left_ = share_;
    }
    until_ = now + left_;
    return left_ > SteadyClock::duration::zero();
  }

  bool IsUp() const { return SteadyClock::now() >= until_; }

  void End() { left_ = until_ - SteadyClock::now(); }

 private:
  const SteadyClock::duration share_;
  SteadyClock::time_point second_;
  SteadyClock::time_point until_;
  SteadyClock::duration left_{};
};

class ProcFs : public Processes {
 public:
  explicit ProcFs(absl::Duration share)
      : time_(absl::ToChronoNanoseconds(share)) {}

  std::optional<Holder> HolderOf(uint64_t socket_inode, uint32_t uid) override {
    if (socket_inode == 0) return std::nullopt;
    given_up_now_ = !time_.Begin();
    std::optional<Holder> holder;
    if (!given_up_now_) {
      holder = Look(socket_inode, uid);
      time_.End();
    }
    given_up_ += given_up_now_;
    return holder;
  }

  uint64_t given_up() const override { return given_up_; }

 private:
  std::optional<Holder> Look(uint64_t socket_inode, uint32_t uid) {
    const std::string wanted = absl::StrCat("socket:[", socket_inode, "]");
    std::vector<int>& known = Remembered(uid);
    for (int pid : known) {
      if (Holds(pid, wanted)) return HolderAt(pid);
    }
    const int pid = Search(uid, wanted);
    if (pid == 0) return std::nullopt;
    std::erase(known, pid);
    known.insert(known.begin(), pid);
    if (known.size() > kMaxRemembered) known.pop_back();
    return HolderAt(pid);
  }

  std::vector<int>& Remembered(uint32_t uid) {
    if (remembered_.size() > kMaxUids) remembered_.clear();
    return remembered_[uid];
  }

  int Search(uint32_t uid, const std::string& wanted) {
    Directory proc(opendir("/proc"));
    if (proc == nullptr) return 0;
    size_t seen = 0;
    while (const dirent* entry = readdir(proc.get())) {
      const int pid = std::atoi(entry->d_name);
      if (pid <= 0) continue;
      if (++seen > kMaxProcesses || given_up_now_) return 0;
      struct stat about {};
      if (stat(absl::StrCat("/proc/", pid).c_str(), &about) != 0 ||
          about.st_uid != uid) {
        continue;
      }
      if (Holds(pid, wanted)) return pid;
    }
    return 0;
  }

  bool Holds(int pid, const std::string& wanted) {
    given_up_now_ |= time_.IsUp();
    if (given_up_now_) return false;
    const std::string path = absl::StrCat("/proc/", pid, "/fd");
    Directory table(opendir(path.c_str()));
    if (table == nullptr) return false;
    char target[64];
    size_t seen = 0;
    while (const dirent* entry = readdir(table.get())) {
      if (++seen > kMaxDescriptors) return false;
      if (seen % kDescriptorsATime == 0 && time_.IsUp()) {
        given_up_now_ = true;
        return false;
      }
      const ssize_t size =
          readlinkat(dirfd(table.get()), entry->d_name, target, sizeof(target));
      if (size == static_cast<ssize_t>(wanted.size()) &&
          std::memcmp(target, wanted.data(), wanted.size()) == 0) {
        return true;
      }
    }
    return false;
  }

  static std::optional<Holder> HolderAt(int pid) {
    std::optional<std::string> program = ProgramOf(pid);
    if (!program) return std::nullopt;
    Holder holder{.program = std::move(*program)};
    // "0::/user.slice/...", and with the older hierarchies several lines.
    std::ifstream groups(absl::StrCat("/proc/", pid, "/cgroup"));
    for (std::string line; std::getline(groups, line);) {
      const size_t path = line.rfind(':');
      if (path == std::string::npos) continue;
      holder.contained |= IsContainerGroup(line.substr(path + 1));
    }
    return holder;
  }

  static std::optional<std::string> ProgramOf(int pid) {
    char target[PATH_MAX];
    const ssize_t size = readlink(absl::StrCat("/proc/", pid, "/exe").c_str(),
                                  target, sizeof(target));
    if (size <= 0) return std::nullopt;
    std::string path(target, size);
    const size_t deleted = path.find(" (deleted)");
    if (deleted != std::string::npos) path.resize(deleted);
    return path.substr(path.rfind('/') + 1);
  }

  std::map<uint32_t, std::vector<int>> remembered_;
  TimeShare time_;
  bool given_up_now_ = false;
  uint64_t given_up_ = 0;
};

}  // namespace

bool IsContainerGroup(std::string_view path) {
  if (path.starts_with("/user.slice/")) return false;
  for (const std::string_view sign :
       {"docker", "libpod", "kubepods", "containerd", "lxc", "machine.slice"}) {
    if (path.find(sign) == std::string_view::npos) continue;
    // The service that runs the containers is not in one.
    if (!path.ends_with(".service")) return true;
  }
  return false;
}

std::unique_ptr<Processes> SystemProcesses(absl::Duration share) {
  return std::make_unique<ProcFs>(share);
}

}  // namespace schoolgate::platform
