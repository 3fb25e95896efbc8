// The list of alerts, one alert, and what people do with it.
#include <algorithm>
#include <array>
#include <iterator>
#include <set>

#include "absl/strings/str_cat.h"
#include "collector/cases/alert_json.h"
#include "collector/cases/contacts.h"
#include "collector/cases/doubt.h"
#include "collector/cases/policy_says.h"
#include "collector/cases/response_times.h"
#include "collector/web/api.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kListLimit = 500;
constexpr size_t kWordsLimit = 4000;
constexpr int kNotesLimit = 500;
constexpr std::array kOutcomes = {"false_alarm", "no_action", "handled",
                                  "referred"};

Response NoSuchAlert() {
  return Refusal(404, "not_found", "There is no such alert.");
}

void AddNoteTo(v1::Alert* alert, const std::string& author, absl::Time now,
               const std::string& words) {
  v1::AlertNote* note = alert->add_notes();
  note->set_time_unix_us(absl::ToUnixMicros(now));
  note->set_author(author);
  note->set_words(words);
}

// Whoever writes about a new one has seen it: nobody is to be told that nobody
// has looked.
void HaveSeen(absl::Time now, v1::Alert* alert) {
  if (alert->state() != v1::ALERT_STATE_NEW) return;
  alert->set_state(v1::ALERT_STATE_SEEN);
  NoteResponse(now, alert);
}

absl::Status RoomForNote(const v1::Alert& alert) {
  if (alert.notes_size() < kNotesLimit) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      "This alert has as many notes as it can hold.");
}

// Fields that the person left out stay as they are.
void FillIncident(const nlohmann::json& body, const std::string& author,
                  absl::Time now, v1::IncidentEntry* entry) {
  const auto fill = [&](const char* key, auto set) {
    if (body.contains(key)) (entry->*set)(Text(body, key, kWordsLimit));
  };
  using Entry = v1::IncidentEntry;
  using Setter = void (Entry::*)(std::string &&);
  fill("where", static_cast<Setter>(&Entry::set_where<std::string>));
  fill("description",
       static_cast<Setter>(&Entry::set_description<std::string>));
  fill("action_taken",
       static_cast<Setter>(&Entry::set_action_taken<std::string>));
  fill("parents_informed",
       static_cast<Setter>(&Entry::set_parents_informed<std::string>));
  entry->set_recorded_by(author);
  entry->set_recorded_unix_us(absl::ToUnixMicros(now));
}

absl::Status CheckClosing(const v1::Alert& alert, const std::string& outcome) {
  if (std::find(kOutcomes.begin(), kOutcomes.end(), outcome) ==
      kOutcomes.end()) {
    return absl::InvalidArgumentError("Choose how this ended.");
  }
  if (outcome != "false_alarm" && alert.incident().action_taken().empty()) {
    return absl::InvalidArgumentError("Enter what was done.");
  }
  return absl::OkStatus();
}

// Illegal material is closed by two people: the first one proposes.
absl::Status CloseAlert(const std::string& who, const std::string& outcome,
                        v1::Alert* alert) {
  if (absl::Status fine = CheckClosing(*alert, outcome); !fine.ok()) {
    return fine;
  }
  alert->mutable_incident()->set_outcome(outcome);
  if (!IsLocked(*alert)) {
    alert->set_state(v1::ALERT_STATE_CLOSED);
    return absl::OkStatus();
  }
  const std::string& first = alert->close_proposed_by();
  if (first == who) {
    return absl::FailedPreconditionError(
        "You have proposed to close this. A second senior person has to "
        "confirm it from their own account.");
  }
  if (first.empty()) {
    alert->set_close_proposed_by(who);
    alert->set_state(v1::ALERT_STATE_WAITING);
  } else {
    alert->set_state(v1::ALERT_STATE_CLOSED);
  }
  return absl::OkStatus();
}

Response AnswerTo(const absl::Status& status) {
  const std::string words(status.message());
  switch (status.code()) {
    case absl::StatusCode::kNotFound:
      return NoSuchAlert();
    case absl::StatusCode::kInvalidArgument:
      return Refusal(400, "incomplete", words);
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kResourceExhausted:
      return Refusal(409, "not_now", words);
    default:
      return Refusal(503, "not_stored",
                     "This could not be stored. Nothing was changed. Try "
                     "again in a minute.");
  }
}

}  // namespace

Response Api::ListAlerts(const Request& request, const Caller& caller) {
  AlertQuery query;
  query.school = caller.account.school;
  query.open_only = request.Query("all") != "1";
  query.limit = kListLimit;
  // Before the list is read: the live feed then starts at or before it.
  const uint64_t revision =
      stores_.alerts.WaitForChange(0, absl::ZeroDuration());
  absl::StatusOr<std::vector<v1::Alert>> found = stores_.alerts.Find(query);
  if (!found.ok()) {
    return Refusal(503, "no_alerts",
                   "The alerts cannot be read at the moment. Ask your IT "
                   "provider to check the Schoolgate server.");
  }
  if (auto failed = Record(caller.account.name, "view_alerts", "",
                           query.open_only ? "open" : "all")) {
    return *failed;
  }
  const DisplayName names = [this](const std::string& n) { return NameOf(n); };
  const Readers everybody = Everybody();
  nlohmann::json alerts = nlohmann::json::array();
  for (const v1::Alert& alert : *found) {
    const Sight sight = SightOf(caller.account, alert, everybody);
    if (sight != Sight::kNothing) {
      alerts.push_back(AlertJson(alert, sight, false, names));
    }
  }
  const DigestKinds kinds = KindsInDigest(caller.account.school);
  return JsonAnswer({{"alerts", std::move(alerts)},
                     {"revision", revision},
                     {"digest_kinds", kinds.in_digest},
                     {"list_kinds", kinds.in_list},
                     {"more", found->size() == kListLimit}});
}

std::optional<v1::Alert> Api::SeenBy(uint64_t id, const Caller& caller,
                                     Response* refusal) {
  absl::StatusOr<v1::Alert> alert = stores_.alerts.Get(id);
  if (alert.ok() &&
      SightOf(caller.account, *alert, Everybody()) != Sight::kNothing) {
    return *std::move(alert);
  }
  // The same answer, and the same line, for what is hidden and what is not
  // there.
  *refusal = NoSuchAlert();
  if (auto failed =
          Record(caller.account.name, "refused", absl::StrCat(id), "alert")) {
    *refusal = *failed;
  }
  return std::nullopt;
}

std::vector<v1::Alert> Api::OfItsDevices(const v1::Alert& alert,
                                         const Caller& caller) {
  const Readers everybody = Everybody();
  std::set<std::string> devices;
  for (const v1::AlertEvidence& line : alert.evidence()) {
    if (line.device() != alert.subject()) devices.insert(line.device());
  }
  std::vector<v1::Alert> all;
  for (const std::string& device : devices) {
    AlertQuery query;
    query.school = alert.school();
    query.subject = device;
    auto found = stores_.alerts.Find(query);
    if (!found.ok()) continue;
    std::erase_if(*found, [&](const v1::Alert& one) {
      return SightOf(caller.account, one, everybody) != Sight::kFull;
    });
    std::move(found->begin(), found->end(), std::back_inserter(all));
  }
  return all;
}

nlohmann::json Api::WholeAlert(const v1::Alert& alert, const Caller& caller) {
  const Readers everybody = Everybody();
  const Sight sight = SightOf(caller.account, alert, everybody);
  nlohmann::json value = AlertJson(alert, sight, true,
                                   [this](const auto& n) { return NameOf(n); });
  if (sight != Sight::kFull) return value;
  std::vector<v1::Alert> earlier;
  if (!alert.subject().empty()) {
    AlertQuery query;
    query.school = alert.school();
    query.subject = alert.subject();
    if (auto found = stores_.alerts.Find(query); found.ok()) {
      earlier = *std::move(found);
    }
    std::erase_if(earlier, [&](const v1::Alert& one) {
      return SightOf(caller.account, one, everybody) != Sight::kFull;
    });
  }
  const std::string doubt = DoubtAbout(alert, OfItsDevices(alert, caller));
  if (!doubt.empty()) {
    value["in_favour"] = absl::StrCat(doubt, " ", value.value("in_favour", ""));
  }
  value["attachments"] = AttachmentsOf(alert);
  value["contacts"] = ContactsOfAlert(alert);
  nlohmann::json says = PolicySays(alert, everybody, earlier);
  if (!says.is_null()) value["policy"] = std::move(says);
  return value;
}

Response Api::ShowAlert(uint64_t id, const Caller& caller) {
  Response refusal;
  std::optional<v1::Alert> alert = SeenBy(id, caller, &refusal);
  if (!alert) return refusal;
  if (auto failed =
          Record(caller.account.name, "view_alert", absl::StrCat(id), "")) {
    return *failed;
  }
  return JsonAnswer(WholeAlert(*alert, caller));
}

Response Api::Changed(uint64_t id, const Caller& caller,
                      const std::string& action, const std::string& detail,
                      const std::function<absl::Status(v1::Alert*)>& change) {
  Response refusal;
  std::optional<v1::Alert> alert = SeenBy(id, caller, &refusal);
  if (!alert) return refusal;
  v1::Alert trial = *alert;
  if (absl::Status fine = change(&trial); !fine.ok()) return AnswerTo(fine);
  if (auto failed =
          Record(caller.account.name, action, absl::StrCat(id), detail)) {
    return *failed;
  }
  absl::StatusOr<v1::Alert> stored = stores_.alerts.Update(id, change);
  if (!stored.ok()) return AnswerTo(stored.status());
  return JsonAnswer(WholeAlert(*stored, caller));
}

Response Api::AddNote(const Request& request, uint64_t id,
                      const Caller& caller) {
  const std::string words = Text(BodyObject(request), "words", kWordsLimit);
  if (words.empty()) return Refusal(400, "incomplete", "Enter a note.");
  return Changed(id, caller, "add_note", "", [&](v1::Alert* alert) {
    if (absl::Status room = RoomForNote(*alert); !room.ok()) return room;
    AddNoteTo(alert, caller.account.name, clock_.Now(), words);
    HaveSeen(clock_.Now(), alert);
    return absl::OkStatus();
  });
}

Response Api::ChangeState(const Request& request, uint64_t id,
                          const Caller& caller) {
  const nlohmann::json body = BodyObject(request);
  const v1::AlertState state = StateOf(Text(body, "state", 20));
  if (state == v1::ALERT_STATE_UNSPECIFIED) {
    return Refusal(400, "incomplete", "Choose what happens next.");
  }
  const std::string note = Text(body, "note", kWordsLimit);
  const std::string outcome = Text(body, "outcome", 20);
  const std::string action = state == v1::ALERT_STATE_SEEN     ? "acknowledge"
                             : state == v1::ALERT_STATE_CLOSED ? "close"
                                                               : "change_state";
  return Changed(id, caller, action, StateWord(state), [&](v1::Alert* alert) {
    const absl::Time now = clock_.Now();
    const std::string& who = caller.account.name;
    if (absl::Status room = RoomForNote(*alert); !room.ok()) return room;
    if (!note.empty()) AddNoteTo(alert, who, now, note);
    if (state == v1::ALERT_STATE_CLOSED) {
      FillIncident(body, who, now, alert->mutable_incident());
      const absl::Status closed = CloseAlert(who, outcome, alert);
      if (closed.ok()) NoteResponse(now, alert);
      return closed;
    }
    alert->set_state(state);
    alert->clear_close_proposed_by();
    NoteResponse(now, alert);
    return absl::OkStatus();
  });
}

Response Api::WriteIncident(const Request& request, uint64_t id,
                            const Caller& caller) {
  const nlohmann::json body = BodyObject(request);
  return Changed(id, caller, "write_incident", "", [&](v1::Alert* alert) {
    FillIncident(body, caller.account.name, clock_.Now(),
                 alert->mutable_incident());
    HaveSeen(clock_.Now(), alert);
    return absl::OkStatus();
  });
}

}  // namespace schoolgate::collector
