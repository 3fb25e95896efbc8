// Legal hold, and the pack for those who look into a case elsewhere.
#include <google/protobuf/util/json_util.h>

#include "absl/strings/str_cat.h"
#include "collector/cases/alert_json.h"
#include "collector/cases/custody.h"
#include "collector/cases/hold.h"
#include "collector/web/api.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kReasonLimit = 1000;
constexpr size_t kMostAuditLines = 100'000;

// Illegal material: what the device sealed for the police stays sealed, and
// what should never have been in the clear is taken out.
void SealHosts(v1::Event* event) {
  if (event->has_contact()) event->mutable_contact()->clear_host();
  if (event->has_episode()) {
    event->mutable_episode()->clear_service();
    event->mutable_episode()->clear_front_host();
  }
  if (event->has_self_report()) {
    event->mutable_self_report()->clear_host();
    event->mutable_self_report()->clear_words();
  }
}

nlohmann::json EventRecord(const StoredEvent& stored, bool locked) {
  v1::Event event = stored.event;
  if (locked) SealHosts(&event);
  std::string text;
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  (void)google::protobuf::util::MessageToJsonString(event, &text, options);
  return {{"kind", "event"},
          {"device", stored.device},
          {"epoch", stored.epoch},
          {"received", TimeWord(absl::ToUnixMicros(stored.received))},
          {"happened", TimeWord(absl::ToUnixMicros(stored.happened))},
          {"event", nlohmann::json::parse(text, nullptr, false)}};
}

nlohmann::json AuditRecord(const AuditEntry& entry) {
  return {{"kind", "audit"},
          {"number", entry.number},
          {"time", TimeWord(absl::ToUnixMicros(entry.time))},
          {"who", entry.who},
          {"action", entry.action},
          {"about", entry.about},
          {"detail", entry.detail},
          {"hash", entry.hash}};
}

}  // namespace

Response Api::ChangeHold(const Request& request, uint64_t id,
                         const Caller& caller) {
  const nlohmann::json body = BodyObject(request);
  const std::string reason = Text(body, "reason", kReasonLimit);
  const bool hold = body.value("hold", nlohmann::json()) == true;
  if (stores_.held == nullptr || stores_.events == nullptr) {
    return Refusal(503, "no_hold", "Nothing can be held on this server.");
  }
  if (reason.empty()) return Refusal(400, "incomplete", "Enter a reason.");
  Response answer = Changed(
      id, caller, hold ? "hold" : "lift_hold", reason,
      [&](v1::Alert* alert) -> absl::Status {
        if (hold == alert->has_hold()) {
          return absl::FailedPreconditionError(hold ? "This is on hold already."
                                                    : "This is not on hold.");
        }
        if (!hold && alert->hold().by() == caller.account.name) {
          return absl::FailedPreconditionError(
              "You have set this hold. Somebody else has to lift it.");
        }
        if (!hold) {
          alert->clear_hold();
          return absl::OkStatus();
        }
        alert->mutable_hold()->set_reason(reason);
        alert->mutable_hold()->set_by(caller.account.name);
        alert->mutable_hold()->set_since_unix_us(
            absl::ToUnixMicros(clock_.Now()));
        return absl::OkStatus();
      });
  if (answer.status != 200) return answer;
  // Also copied again before anything is erased: a failure here loses nothing.
  const absl::StatusOr<v1::Alert> alert = stores_.alerts.Get(id);
  if (!hold) {
    (void)stores_.held->Drop(id);
  } else if (alert.ok()) {
    const auto behind = EventsBehind(*alert, *stores_.events, nullptr);
    if (behind.ok()) (void)stores_.held->Keep(id, *behind);
  }
  return answer;
}

Response Api::ExportPack(uint64_t id, const Caller& caller) {
  Response refusal;
  const std::optional<v1::Alert> alert = SeenBy(id, caller, &refusal);
  if (!alert) return refusal;
  if (stores_.custody == nullptr || stores_.events == nullptr) {
    return Refusal(503, "no_pack", "This server has no key to sign a pack.");
  }
  const auto events = EventsBehind(*alert, *stores_.events, stores_.held);
  const auto lines = stores_.audit.About(absl::StrCat(id), kMostAuditLines);
  auto files = AttachmentRecords(*alert);
  if (!events.ok() || !lines.ok() || !files.ok()) {
    return Refusal(503, "no_pack",
                   "The evidence cannot be read at the moment. Try again in a "
                   "minute.");
  }
  const DisplayName names = [this](const auto& name) { return NameOf(name); };
  nlohmann::json whole = AlertJson(*alert, Sight::kFull, true, names);
  whole["kind"] = "alert";
  std::vector<nlohmann::json> records = {
      {{"kind", "pack"},
       {"format", 1},
       {"alert", id},
       {"school", alert->school()},
       {"made", TimeWord(absl::ToUnixMicros(clock_.Now()))},
       {"made_by", NameOf(caller.account.name)},
       {"program", "schoolgate-collector " SCHOOLGATE_VERSION}},
      std::move(whole)};
  for (const StoredEvent& one : *events) {
    records.push_back(EventRecord(one, IsLocked(*alert)));
  }
  for (nlohmann::json& file : *files) records.push_back(std::move(file));
  for (const AuditEntry& line : *lines) records.push_back(AuditRecord(line));
  CustodyPack pack = MakeCustodyPack(records, *stores_.custody);
  if (auto failed = Record(caller.account.name, "export_pack", absl::StrCat(id),
                           pack.hash)) {
    return *failed;
  }
  Response response;
  response.type = "application/x-ndjson";
  response.body = std::move(pack.text);
  response.headers.emplace_back(
      "Content-Disposition",
      absl::StrCat("attachment; filename=\"schoolgate-case-", id, ".pack\""));
  return response;
}

}  // namespace schoolgate::collector
