#include "platform/processes.h"

#include <dirent.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
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

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

class ProcFs : public Processes {
 public:
  std::optional<Holder> HolderOf(uint64_t socket_inode, uint32_t uid) override {
    if (socket_inode == 0) return std::nullopt;
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

 private:
  std::vector<int>& Remembered(uint32_t uid) {
    if (remembered_.size() > kMaxUids) remembered_.clear();
    return remembered_[uid];
  }

  static int Search(uint32_t uid, const std::string& wanted) {
    Directory proc(opendir("/proc"));
    if (proc == nullptr) return 0;
    size_t seen = 0;
    while (const dirent* entry = readdir(proc.get())) {
      const int pid = std::atoi(entry->d_name);
      if (pid <= 0) continue;
      if (++seen > kMaxProcesses) return 0;
      struct stat about {};
      if (stat(absl::StrCat("/proc/", pid).c_str(), &about) != 0 ||
          about.st_uid != uid) {
        continue;
      }
      if (Holds(pid, wanted)) return pid;
    }
    return 0;
  }

  static bool Holds(int pid, const std::string& wanted) {
    const std::string path = absl::StrCat("/proc/", pid, "/fd");
    Directory table(opendir(path.c_str()));
    if (table == nullptr) return false;
    char target[64];
    size_t seen = 0;
    while (const dirent* entry = readdir(table.get())) {
      if (++seen > kMaxDescriptors) return false;
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

std::unique_ptr<Processes> SystemProcesses() {
  return std::make_unique<ProcFs>();
}

}  // namespace schoolgate::platform
