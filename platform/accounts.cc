#include "platform/accounts.h"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

namespace schoolgate::platform {
namespace {

// Most entries fit; a group's holds the log-ins of all its members, and one of
// a whole school has thousands.
constexpr size_t kEntryBytes = 16'384;
constexpr size_t kMostEntryBytes = 64 << 20;
constexpr int kGroups = 256;
constexpr int kMostGroups = 65'536;  // more than the kernel knows

// Calls ask(buffer, size) with more room as long as it says that it needs more.
// False when there is no entry.
template <typename Ask>
bool WithRoom(std::vector<char>& buffer, const Ask& ask) {
  buffer.resize(kEntryBytes);
  int error = ask(buffer.data(), buffer.size());
  while (error == ERANGE && buffer.size() < kMostEntryBytes) {
    buffer.resize(buffer.size() * 4);
    error = ask(buffer.data(), buffer.size());
  }
  return error == 0;
}

std::string GroupName(gid_t gid, std::vector<char>& buffer) {
  group entry{};
  group* found = nullptr;
  const bool read = WithRoom(buffer, [&](char* bytes, size_t size) {
    return getgrgid_r(gid, &entry, bytes, size, &found);
  });
  return read && found != nullptr ? entry.gr_name : "";
}

std::vector<gid_t> GroupsOf(const char* login, gid_t first) {
  std::vector<gid_t> gids(kGroups);
  int count = kGroups;
  // Says how many there are where they do not fit.
  while (getgrouplist(login, first, gids.data(), &count) < 0 &&
         count > static_cast<int>(gids.size()) && count <= kMostGroups) {
    gids.resize(static_cast<size_t>(count));
  }
  gids.resize(std::min(gids.size(), static_cast<size_t>(std::max(count, 0))));
  return gids;
}

class NameService : public Accounts {
 public:
  std::optional<Account> Find(uint32_t uid) override {
    passwd entry{};
    passwd* found = nullptr;
    std::vector<char> buffer;
    const bool read = WithRoom(buffer, [&](char* bytes, size_t size) {
      return getpwuid_r(uid, &entry, bytes, size, &found);
    });
    if (!read || found == nullptr) return std::nullopt;
    Account account{.login = entry.pw_name, .groups = {}};
    std::vector<char> room;
    for (const gid_t gid : GroupsOf(entry.pw_name, entry.pw_gid)) {
      std::string name = GroupName(gid, room);
      if (!name.empty()) account.groups.push_back(std::move(name));
    }
    return account;
  }
};

}  // namespace

std::unique_ptr<Accounts> SystemAccounts() {
  return std::make_unique<NameService>();
}

}  // namespace schoolgate::platform
