#include "collector/web/owners_import.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "collector/store/device_owners.h"

namespace schoolgate::collector {
namespace {

// Empty: nothing is known by which it could be found again.
std::string KeyOf(const InventoryLine& line, const DevicesByLine& here) {
  if (const Device* device = here.Find(line); device != nullptr) {
    return OwnerKey(*device);
  }
  return line.number.empty() ? "" : OwnerKeyOfNumber(line.number);
}

absl::StatusOr<std::vector<std::string>> AliasesOf(
    const std::vector<std::string>& log_ins, const AliasOf& alias_of) {
  std::vector<std::string> aliases;
  for (const std::string& log_in : log_ins) {
    absl::StatusOr<std::string> alias = alias_of(log_in);
    if (!alias.ok()) return alias.status();
    aliases.push_back(*std::move(alias));
  }
  return aliases;
}

}  // namespace

absl::StatusOr<OwnersImport> ImportOwners(
    std::span<const InventoryLine> lines, std::span<const Device> devices,
    const std::string& school, const AliasOf& alias_of, AgreementStore& store,
    const std::string& by, absl::Time now) {
  OwnersImport result;
  const absl::StatusOr<SchoolOwners> before = OwnersOf(store, school);
  if (!before.ok()) return before.status();
  const DevicesByLine here(devices);
  for (const InventoryLine& line : lines) {
    if (!line.log_ins) continue;
    result.says = true;
    const std::string key = KeyOf(line, here);
    if (key.empty()) {
      ++result.not_here;
      continue;
    }
    const auto aliases = AliasesOf(*line.log_ins, alias_of);
    if (!aliases.ok()) return aliases.status();
    const Owned* was = before->ByKey(key);
    if (!aliases->empty()) ++result.given;
    if (was == nullptr ? aliases->empty() : was->aliases == *aliases) continue;
    ++(aliases->empty() ? result.taken_back : result.changed);
    const absl::Status put = PutOwners(store, school, key, *aliases, by, now);
    if (!put.ok()) return put;
  }
  return result;
}

std::string ImportInWords(const OwnersImport& import) {
  std::string words =
      absl::StrCat(import.given, import.given == 1 ? " computer" : " computers",
                   " on the list ", import.given == 1 ? "is" : "are",
                   " somebody's own (", import.changed, " new or changed)");
  if (import.taken_back > 0) {
    absl::StrAppend(&words, ", ", import.taken_back, " no more");
  }
  if (import.not_here > 0) {
    absl::StrAppend(&words, "; ", import.not_here,
                    " without an inventory number are not enrolled and were "
                    "left out");
  }
  return words;
}

}  // namespace schoolgate::collector
