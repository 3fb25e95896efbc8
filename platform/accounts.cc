#include "platform/accounts.h"

#include <grp.h>
#include <pwd.h>

#include <array>

namespace schoolgate::platform {
namespace {

constexpr int kMaxGroups = 256;
constexpr size_t kEntryBytes = 16'384;

std::string GroupName(gid_t gid) {
  group entry{};
  group* found = nullptr;
  std::vector<char> buffer(kEntryBytes);
  if (getgrgid_r(gid, &entry, buffer.data(), buffer.size(), &found) != 0 ||
      found == nullptr) {
    return "";
  }
  return entry.gr_name;
}

class NameService : public Accounts {
 public:
  std::optional<Account> Find(uint32_t uid) override {
    passwd entry{};
    passwd* found = nullptr;
    std::vector<char> buffer(kEntryBytes);
    if (getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) != 0 ||
        found == nullptr) {
      return std::nullopt;
    }
    Account account{.login = entry.pw_name, .groups = {}};
    std::array<gid_t, kMaxGroups> gids;
    int count = kMaxGroups;
    if (getgrouplist(entry.pw_name, entry.pw_gid, gids.data(), &count) < 0) {
      count = kMaxGroups;  // filled to the brim: the rest is left out
    }
    for (int i = 0; i < count; ++i) {
      std::string name = GroupName(gids[i]);
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
