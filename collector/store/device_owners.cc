#include "collector/store/device_owners.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace schoolgate::collector {
namespace {

constexpr char kBook[] = "device owners";
constexpr char kSupport[] = "support";

}  // namespace

std::string OwnerKeyOfNumber(std::string_view inventory_number) {
  return absl::StrCat(
      "number ",
      absl::AsciiStrToLower(absl::StripAsciiWhitespace(absl::string_view(
          inventory_number.data(), inventory_number.size()))));
}

std::string OwnerKey(const Device& device) {
  return device.inventory_number.empty()
             ? absl::StrCat("device ", device.id)
             : OwnerKeyOfNumber(device.inventory_number);
}

std::string SupportKey() { return kSupport; }

const Owned* SchoolOwners::ByKey(const std::string& key) const {
  const auto found = owned_.find(key);
  return found == owned_.end() ? nullptr : &found->second;
}

const Owned* SchoolOwners::Of(const Device& device) const {
  return ByKey(OwnerKey(device));
}

const Owned* SchoolOwners::Support() const { return ByKey(kSupport); }

std::vector<std::string> SchoolOwners::AliasesFor(const Device& device) const {
  const Owned* owned = Of(device);
  if (owned == nullptr) return {};
  std::vector<std::string> all = owned->aliases;
  if (const Owned* support = Support(); support != nullptr) {
    all.insert(all.end(), support->aliases.begin(), support->aliases.end());
  }
  return all;
}

bool SchoolOwners::Fits(const Device& device, std::string_view alias) const {
  const std::vector<std::string> all = AliasesFor(device);
  return all.empty() || std::find(all.begin(), all.end(), alias) != all.end();
}

absl::StatusOr<SchoolOwners> OwnersOf(AgreementStore& store,
                                      const std::string& school) {
  const auto pages = store.Pages(school, kBook);
  if (!pages.ok()) return pages.status();
  SchoolOwners owners;
  for (const BookPage& page : *pages) {
    owners.owned_[page.key] = {
        absl::StrSplit(page.text, ' ', absl::SkipEmpty()), page.changed_by,
        page.changed};
  }
  return owners;
}

absl::Status PutOwners(AgreementStore& store, const std::string& school,
                       const std::string& key,
                       const std::vector<std::string>& aliases,
                       const std::string& by, absl::Time now) {
  const size_t most = key == kSupport ? kMostSupporters : kMostOwners;
  if (aliases.size() > most) {
    return absl::InvalidArgumentError(
        absl::StrCat("more than ", most, " log-ins for one ",
                     key == kSupport ? "school's support" : "device",
                     ": name those who really use it"));
  }
  if (aliases.empty()) {
    const absl::Status removed = store.RemovePage(school, kBook, key);
    return absl::IsNotFound(removed) ? absl::OkStatus() : removed;
  }
  return store.PutPage({.school = school,
                        .book = kBook,
                        .key = key,
                        .text = absl::StrJoin(aliases, " "),
                        .changed_by = by,
                        .changed = now});
}

std::shared_ptr<const SchoolOwners> DeviceOwners::Of(
    const std::string& school) {
  const std::lock_guard lock(mutex_);
  const absl::Duration now = clock_.SinceBoot();
  Known& known = schools_[school];
  if (known.owners != nullptr && now - known.read < kFresh) {
    return known.owners;
  }
  absl::StatusOr<SchoolOwners> fresh = OwnersOf(store_, school);
  if (fresh.ok() || known.owners == nullptr) {
    known.owners = std::make_shared<const SchoolOwners>(
        fresh.ok() ? *std::move(fresh) : SchoolOwners());
  }
  known.read = now;
  return known.owners;
}

}  // namespace schoolgate::collector
