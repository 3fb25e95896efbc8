// The school's own list of its computers, and who of it is not enrolled.
#include "absl/strings/str_cat.h"
#include "collector/cases/alert_json.h"
#include "collector/store/device_owners.h"
#include "collector/web/api.h"
#include "collector/web/inventory.h"
#include "collector/web/owners_import.h"

namespace schoolgate::collector {
namespace {

using nlohmann::json;

constexpr char kKey[] = "inventory/";
constexpr size_t kNameLimit = 100;
constexpr size_t kMostShown = 500;  // of each sort

json LinesJson(std::span<const InventoryLine> lines) {
  json all = json::array();
  for (const InventoryLine& line : lines) {
    if (all.size() == kMostShown) break;
    all.push_back({{"number", line.number}, {"name", line.name}});
  }
  return all;
}

json DevicesJson(std::span<const Device* const> devices) {
  json all = json::array();
  for (const Device* device : devices) {
    if (all.size() == kMostShown) break;
    const bool never = device->last_contact == absl::InfinitePast();
    all.push_back(
        {{"number", device->inventory_number},
         {"name", device->hostname.empty() ? device->id : device->hostname},
         {"last_contact",
          never ? "" : TimeWord(absl::ToUnixMicros(device->last_contact))}});
  }
  return all;
}

std::vector<InventoryLine> LinesOf(const json& stored) {
  std::vector<InventoryLine> lines;
  for (const json& one : stored.value("lines", json::array())) {
    if (!one.is_array() || one.size() != 2) continue;
    lines.push_back({one[0].get<std::string>(), one[1].get<std::string>()});
  }
  return lines;
}

}  // namespace

Response Api::ShowInventory(const Request& request, const Caller& caller) {
  Response refusal;
  const std::optional<std::string> school =
      SchoolFor(request, caller, &refusal);
  if (!school) return refusal;
  if (auto failed =
          Record(caller.account.name, "view_inventory", "", *school)) {
    return *failed;
  }
  return InventoryAnswer(*school);
}

Response Api::InventoryAnswer(const std::string& school) {
  if (stores_.agreements == nullptr) {
    return Refusal(503, "no_list", "This server keeps no list.");
  }
  const auto stored = stores_.agreements->AllPublished(school, kKey, 1);
  const auto devices = stores_.devices.All(school);
  if (!stored.ok() || !devices.ok()) {
    return Refusal(503, "no_list", "The list cannot be read at the moment.");
  }
  if (stored->empty()) return JsonAnswer({{"school", school}});
  const json list = json::parse(stored->front().text, nullptr, false);
  if (!list.is_object()) {
    return Refusal(503, "no_list", "The list is damaged. Upload it again.");
  }
  const std::vector<InventoryLine> lines = LinesOf(list);
  const InventoryComparison now = Compare(lines, *devices, clock_.Now());
  const auto owners = OwnersOf(*stores_.agreements, school);
  return JsonAnswer({{"school", school},
                     {"uploaded", list.value("time", "")},
                     {"by", NameOf(list.value("by", ""))},
                     {"file", list.value("file", "")},
                     {"lines", lines.size()},
                     {"given", owners.ok() ? owners->size() : 0},
                     {"matched", now.matched},
                     {"missing_count", now.missing.size()},
                     {"unknown_count", now.unknown.size()},
                     {"missing", LinesJson(now.missing)},
                     {"unknown", DevicesJson(now.unknown)},
                     {"silent", DevicesJson(now.silent)},
                     {"repeated", LinesJson(now.repeated)}});
}

// Whose computers they are, where the list says so; of the log-ins only the
// aliases are kept.
std::optional<Response> Api::TakeOwners(std::span<const InventoryLine> lines,
                                        const std::string& school,
                                        const Caller& caller) {
  if (!lines.front().log_ins) return std::nullopt;
  const auto devices = stores_.devices.All(school);
  if (!stores_.pseudonym_of || !devices.ok()) {
    return Refusal(503, "not_stored",
                   "Whose computers they are cannot be kept at the moment.");
  }
  const auto import = ImportOwners(
      lines, *devices, school,
      [&](const std::string& log_in) {
        return stores_.pseudonym_of(school, log_in);
      },
      *stores_.agreements, caller.account.name, clock_.Now());
  if (!import.ok()) {
    return Refusal(503, "not_stored",
                   "Not all of it was stored. Upload the list again.");
  }
  return Record(caller.account.name, "give_devices", "",
                absl::StrCat(school, ": ", ImportInWords(*import)));
}

Response Api::UploadInventory(const Request& request, const Caller& caller) {
  Response refusal;
  const std::optional<std::string> school =
      SchoolFor(request, caller, &refusal);
  if (!school) return refusal;
  const json body = BodyObject(request);
  if (stores_.agreements == nullptr) {
    return Refusal(503, "no_list", "This server keeps no list.");
  }
  if (!body.contains("csv") || !body["csv"].is_string()) {
    return Refusal(400, "incomplete", "Choose a CSV file.");
  }
  const auto lines = ParseInventory(body["csv"].get<std::string>());
  if (!lines.ok()) {
    return Refusal(400, "no_list", std::string(lines.status().message()));
  }
  json kept = json::array();
  for (const InventoryLine& line : *lines) {
    kept.push_back({line.number, line.name});
  }
  if (auto refused = TakeOwners(*lines, *school, caller)) return *refused;
  const absl::Time now = clock_.Now();
  const json stored = {{"time", TimeWord(absl::ToUnixMicros(now))},
                       {"by", caller.account.name},
                       {"file", Text(body, "file", kNameLimit)},
                       {"lines", std::move(kept)}};
  if (auto failed = Record(caller.account.name, "upload_inventory", "",
                           absl::StrCat(*school, ", ", lines->size()))) {
    return *failed;
  }
  const auto published = stores_.agreements->Publish(
      *school, absl::StrCat(kKey, TimeKey(now)),
      stored.dump(-1, ' ', false, json::error_handler_t::replace));
  if (!published.ok()) {
    return Refusal(503, "not_stored", "Nothing was stored. Try again later.");
  }
  return InventoryAnswer(*school);
}

}  // namespace schoolgate::collector
