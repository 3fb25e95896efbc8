// Meetings about online safety and the reviews that a school owes: what is due,
// what there is to look at, and the records, which stay as they were written.
#include <algorithm>
#include <functional>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "collector/cases/alert_json.h"
#include "collector/cases/custody.h"
#include "collector/cases/effect.h"
#include "collector/cases/report_words.h"
#include "collector/store/alert_brief.h"
#include "collector/web/api.h"
#include "collector/web/review_facts.h"

namespace schoolgate::collector {
namespace {

using nlohmann::json;

constexpr size_t kMostListed = 50;
constexpr size_t kMostAlerts = 100'000;
constexpr size_t kWordsLimit = 10'000;
constexpr size_t kLineLimit = 500;
constexpr size_t kWordsLeast = 20;
constexpr absl::Duration kYear = absl::Hours(24 * 365);

bool IsSafeguarding(Role role) { return RoleMay(role, Endpoint::kBudget); }

// For those who may see alerts about people, and for everybody.
enum class For { kLeads, kAll };

json TableJson(const ReportTable& table, For whom) {
  Report one;
  one.tables = {table};
  json made = ReportJson(one)["tables"][0];
  made["leads_only"] = whom == For::kLeads;
  return made;
}

json ForReader(json tables, bool leads) {
  json shown = json::array();
  for (json& table : tables) {
    if (leads || !table.value("leads_only", true)) {
      shown.push_back(std::move(table));
    }
  }
  return shown;
}

ReportTable IncidentsTable(std::span<const v1::Alert> alerts, absl::Time now) {
  ReportTable table;
  table.title = "Alerts since the last meeting";
  table.note =
      "Without illegal material, alerts about staff, and what names somebody "
      "with an account: the figures are the same for every reader.";
  table.columns = {"Severity", "Raised", "Closed", "Open", "Open for a week"};
  struct Sum {
    uint64_t raised = 0, closed = 0, old = 0;
  };
  std::map<v1::Severity, Sum, std::greater<>> sums;
  for (const v1::Alert& alert : alerts) {
    if (alert.rule() == "person_asks") continue;
    Sum& sum = sums[alert.severity()];
    ++sum.raised;
    const bool closed = alert.state() == v1::ALERT_STATE_CLOSED;
    sum.closed += closed;
    sum.old += !closed && absl::FromUnixMicros(alert.raised_unix_us()) <
                              now - absl::Hours(24 * 7);
  }
  for (const auto& [severity, sum] : sums) {
    table.rows.push_back({SeverityWords(severity), absl::StrCat(sum.raised),
                          absl::StrCat(sum.closed),
                          absl::StrCat(sum.raised - sum.closed),
                          absl::StrCat(sum.old)});
  }
  return table;
}

std::vector<v1::Alert> RaisedSince(std::span<const v1::Alert> alerts,
                                   absl::Time since) {
  std::vector<v1::Alert> found;
  for (const v1::Alert& alert : alerts) {
    if (absl::FromUnixMicros(alert.raised_unix_us()) >= since) {
      found.push_back(alert);
    }
  }
  return found;
}

std::string KeyOf(const char* kind, absl::Time time) {
  return absl::StrCat(kind, "/", TimeKey(time));
}

}  // namespace

std::string TimeKey(absl::Time time) {
  return absl::FormatTime("%Y%m%dT%H%M%E6SZ", time, absl::UTCTimeZone());
}

// The IT provider serves several schools: it says which.
std::optional<std::string> Api::SchoolFor(const Request& request,
                                          const Caller& caller,
                                          Response* refusal) {
  if (!caller.account.school.empty()) return caller.account.school;
  std::set<std::string> schools;
  for (const Account& one : Everybody().accounts) {
    if (!one.school.empty()) schools.insert(one.school);
  }
  const std::string asked = request.Query("school");
  if (schools.contains(asked)) return asked;
  if (asked.empty() && schools.size() == 1) return *schools.begin();
  *refusal = Refusal(
      400, "which_school",
      absl::StrCat("Choose a school: ", absl::StrJoin(schools, ", "), "."));
  return std::nullopt;
}

// When a review of the kind was last in force; InfinitePast: never.
absl::StatusOr<absl::Time> Api::LastReview(const std::string& school,
                                           const std::string& kind) {
  const ReviewKind* what = ReviewKindOf(kind);
  const auto all = stores_.agreements->AllPublished(
      school, absl::StrCat(what->two_people ? "signed/" : "", kind, "/"), 1);
  if (!all.ok()) return all.status();
  if (all->empty()) return absl::InfinitePast();
  const json record = json::parse(all->front().text, nullptr, false);
  absl::Time time;
  std::string error;
  if (!record.is_object() ||
      !absl::ParseTime(absl::RFC3339_full, record.value("time", ""), &time,
                       &error)) {
    return absl::DataLossError("a review cannot be read");
  }
  return time;
}

uint64_t Api::ReviewsDue(const std::string& school) {
  uint64_t due = 0;
  if (stores_.agreements == nullptr || school.empty()) return 0;
  for (const ReviewKind& kind : ReviewKinds()) {
    const auto last = LastReview(school, kind.id);
    due += last.ok() && *last + kind.every <= clock_.Now();
  }
  return due;
}

absl::StatusOr<std::vector<v1::Alert>> Api::AlertsForAll(
    const std::string& school) {
  const Readers everybody = Everybody();
  AlertQuery query;
  query.school = school;
  query.limit = kMostAlerts;
  query.raised_from = clock_.Now() - kYear;
  query.brief = std::all_of(
      everybody.accounts.begin(), everybody.accounts.end(),
      [](const Account& one) { return MentionsTell(one.own_pseudonym); });
  auto alerts = stores_.alerts.Find(query);
  if (!alerts.ok()) return alerts;
  return CountedForAll(*std::move(alerts), everybody.accounts);
}

// What there is to look at now, from the data.
absl::StatusOr<nlohmann::json> Api::ReviewTables(const std::string& school,
                                                 absl::Time since,
                                                 json* reasons) {
  const auto alerts = AlertsForAll(school);
  if (!alerts.ok()) return alerts.status();
  const auto devices = stores_.devices.All(school);
  if (!devices.ok()) return devices.status();
  const auto last_policy = LastReview(school, "policy");
  if (!last_policy.ok()) return last_policy.status();
  const absl::Time now = clock_.Now();
  const std::vector<v1::Alert> since_then = RaisedSince(*alerts, since);
  const Policy policy = PolicyOf(stores_.policies, school);
  *reasons = ReasonsToReview(*alerts, *devices, *last_policy, now);
  return json::array(
      {TableJson(IncidentsTable(since_then, now), For::kLeads),
       TableJson(HowSoon(since_then), For::kLeads),
       TableJson(HowOftenRight(since_then), For::kLeads),
       TableJson(WhatPeopleAsked(since_then, policy.get()), For::kAll),
       TableJson(DevicesNow(*devices, now), For::kAll),
       TableJson(DeviceAlerts(since_then), For::kAll)});
}

json Api::ReviewRecords(const std::string& school, const Caller& caller) {
  json records = json::array();
  const bool leads = IsSafeguarding(caller.account.role);
  for (const ReviewKind& kind : ReviewKinds()) {
    const auto all = stores_.agreements->AllPublished(
        school, absl::StrCat(kind.id, "/"), kMostListed);
    if (!all.ok()) continue;
    for (const PublishedText& one : *all) {
      json record = json::parse(one.text, nullptr, false);
      if (!record.is_object()) continue;
      record["id"] = one.period;
      record["title"] = kind.title;
      record["by_name"] = NameOf(record.value("by", ""));
      record["mine"] = record.value("by", "") == caller.account.name;
      record["needs_second"] = kind.two_people;
      record["tables"] = ForReader(record["tables"], leads);
      if (kind.two_people) {
        const auto second = stores_.agreements->Published(
            school, absl::StrCat("signed/", one.period));
        if (second.ok()) {
          const json facts = json::parse(*second, nullptr, false);
          record["second_name"] = NameOf(facts.value("by", ""));
          record["signed"] = facts.value("time", "");
          record["hash"] = facts.value("hash", "");
        }
      }
      records.push_back(std::move(record));
    }
  }
  return records;
}

Response Api::ListReviews(const Request& request, const Caller& caller) {
  Response refusal;
  const std::optional<std::string> school =
      SchoolFor(request, caller, &refusal);
  if (!school) return refusal;
  if (auto failed = Record(caller.account.name, "view_reviews", "", *school)) {
    return *failed;
  }
  return ReviewsAnswer(*school, caller);
}

Response Api::ReviewsAnswer(const std::string& school, const Caller& caller) {
  const Response unreadable =
      Refusal(503, "no_reviews", "This cannot be read at the moment.");
  if (stores_.agreements == nullptr) return unreadable;
  const absl::Time now = clock_.Now();
  json due = json::array();
  absl::Time since = now - ReviewKinds()[0].every;
  for (const ReviewKind& kind : ReviewKinds()) {
    const auto last = LastReview(school, kind.id);
    if (!last.ok()) return unreadable;
    const bool never = *last == absl::InfinitePast();
    if (!never && kind.id == std::string("meeting")) since = *last;
    due.push_back(
        {{"kind", kind.id},
         {"title", kind.title},
         {"every_days", absl::ToInt64Hours(kind.every) / 24},
         {"last", never ? "" : TimeWord(absl::ToUnixMicros(*last))},
         {"next",
          never ? "" : TimeWord(absl::ToUnixMicros(*last + kind.every))},
         {"due", never || *last + kind.every <= now}});
  }
  json reasons;
  absl::StatusOr<json> tables = ReviewTables(school, since, &reasons);
  if (!tables.ok()) return unreadable;
  const bool leads = IsSafeguarding(caller.account.role);
  return JsonAnswer(
      {{"school", school},
       {"due", std::move(due)},
       {"reasons", leads ? std::move(reasons) : json::array()},
       {"since", TimeWord(absl::ToUnixMicros(since))},
       {"tables", ForReader(*std::move(tables), leads)},
       {"records", ReviewRecords(school, caller)},
       {"may_write", RoleMay(caller.account.role, Endpoint::kWriteReview)},
       {"may_sign", RoleMay(caller.account.role, Endpoint::kSignReview)}});
}

Response Api::WriteReview(const Request& request, const Caller& caller) {
  const json body = BodyObject(request);
  const std::string& school = caller.account.school;
  const ReviewKind* kind = ReviewKindOf(Text(body, "kind", kLineLimit));
  const std::string words = Text(body, "words", kWordsLimit);
  const std::string present = Text(body, "present", kLineLimit);
  if (kind == nullptr || words.size() < kWordsLeast || present.empty()) {
    return Refusal(400, "incomplete",
                   "Enter who took part, and what was looked at and decided.");
  }
  const absl::Time now = clock_.Now();
  json reasons;
  absl::StatusOr<json> tables = absl::UnavailableError("no store");
  if (stores_.agreements != nullptr) {
    const auto last = LastReview(school, kind->id);
    if (last.ok()) {
      tables = ReviewTables(school, std::max(*last, now - kYear), &reasons);
    }
  }
  if (!tables.ok()) {
    return Refusal(503, "not_stored", "Nothing was stored. Try again later.");
  }
  const json record = {{"kind", kind->id},
                       {"time", TimeWord(absl::ToUnixMicros(now))},
                       {"by", caller.account.name},
                       {"present", present},
                       {"words", words},
                       {"actions", Text(body, "actions", kWordsLimit)},
                       {"tables", *std::move(tables)}};
  const std::string key = KeyOf(kind->id, now);
  if (auto failed = Record(caller.account.name, "write_review", "", key)) {
    return *failed;
  }
  const std::string text =
      record.dump(-1, ' ', false, json::error_handler_t::replace);
  const auto stored = stores_.agreements->Publish(school, key, text);
  if (!stored.ok() || *stored != text) {
    return Refusal(503, "not_stored", "Nothing was stored. Try again later.");
  }
  return ReviewsAnswer(school, caller);
}

// The record with both names, signed with the collector's key: whoever has
// the file can check it (schoolgate-collector verify).
Response Api::SignReview(const Request& request, const Caller& caller) {
  const json body = BodyObject(request);
  const std::string& school = caller.account.school;
  const std::string id = Text(body, "id", kLineLimit);
  const ReviewKind* kind = ReviewKindOf(id.substr(0, id.find('/')));
  if (stores_.agreements == nullptr || stores_.custody == nullptr) {
    return Refusal(503, "no_key", "This server has no key to sign with.");
  }
  if (kind == nullptr || !kind->two_people) {
    return Refusal(404, "not_found", "There is no such review.");
  }
  const auto first = stores_.agreements->Published(school, id);
  if (!first.ok()) {
    return Refusal(404, "not_found", "There is no such review.");
  }
  json record = json::parse(*first, nullptr, false);
  const std::string& name = caller.account.name;
  if (record.value("by", "") == name) {
    return Refusal(409, "not_now",
                   "You have written this. Somebody else has to sign it.");
  }
  const absl::Time now = clock_.Now();
  const std::string time = TimeWord(absl::ToUnixMicros(now));
  record["kind"] = "review";
  record["school"] = school;
  record["review"] = kind->title;
  const auto signature = [&](const std::string& account, const char* what,
                             const std::string& when) {
    return json{{"kind", "signature"},
                {"as", what},
                {"account", account},
                {"name", NameOf(account)},
                {"time", when}};
  };
  const CustodyPack pack =
      MakeCustodyPack({record,
                       signature(record.value("by", ""), "written by",
                                 record.value("time", "")),
                       signature(name, "signed by", time)},
                      *stores_.custody);
  if (auto failed =
          Record(name, "sign_review", "", absl::StrCat(id, " ", pack.hash))) {
    return *failed;
  }
  const json stored = {
      {"by", name}, {"time", time}, {"hash", pack.hash}, {"file", pack.text}};
  const auto put = stores_.agreements->Publish(
      school, absl::StrCat("signed/", id), stored.dump());
  if (!put.ok()) {
    return Refusal(503, "not_stored", "Nothing was stored. Try again later.");
  }
  if (*put != stored.dump()) {
    return Refusal(409, "not_now", "Somebody else has signed this already.");
  }
  return ReviewsAnswer(school, caller);
}

Response Api::FetchReview(const Request& request, const Caller& caller) {
  Response refusal;
  const std::optional<std::string> school =
      SchoolFor(request, caller, &refusal);
  if (!school) return refusal;
  const std::string id = request.Query("id");
  json facts;
  if (stores_.agreements != nullptr && id.size() <= kLineLimit) {
    const auto stored =
        stores_.agreements->Published(*school, absl::StrCat("signed/", id));
    if (stored.ok()) facts = json::parse(*stored, nullptr, false);
  }
  if (!facts.is_object()) {
    return Refusal(404, "not_found", "There is no such signed review.");
  }
  if (auto failed = Record(caller.account.name, "export_review", "", id)) {
    return *failed;
  }
  Response response;
  response.type = "application/x-ndjson";
  response.body = facts.value("file", "");
  return response;
}

}  // namespace schoolgate::collector
