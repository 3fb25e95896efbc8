// The person whose name was opened is told afterwards. Whoever has an account
// here reads it under "My record"; everybody else is told by one of the two,
// who are reminded until one has said so.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "collector/cases/alert_json.h"
#include "collector/web/api.h"

namespace schoolgate::collector {
namespace {

// Their account's record has shown it.
constexpr char kByRecord[] = "record";

}  // namespace

// Before what opens the name is handed out. The number is the time in
// microseconds: two names of a school are not opened in the same one.
std::optional<Response> Api::NoteOpenedName(const NameRequest& one) {
  const absl::Time now = clock_.Now();
  const absl::StatusOr<v1::Alert> alert = stores_.alerts.Get(one.alert);
  OpenedName opened;
  opened.number = static_cast<uint64_t>(absl::ToUnixMicros(now));
  opened.alert = one.alert;
  opened.subject = alert.ok() ? alert->subject() : "";
  opened.requester = one.requester;
  opened.approver = one.approver;
  opened.opened = now;
  opened.tell_from = now + absl::Hours(24) * one.tell_after_days;
  opened.later_reason = one.tell_later_reason;
  if (alert.ok() && stores_.agreements != nullptr &&
      stores_.agreements->PutPage(PageOf(opened, one.school)).ok()) {
    return std::nullopt;
  }
  return Refusal(503, "not_stored",
                 "It could not be written down that the person is to be told, "
                 "so the name stays shut. Try again in a minute.");
}

// A page goes with its case: who is erased there is not kept here.
absl::StatusOr<std::vector<OpenedName>> Api::OpenedNames(
    const std::string& school) {
  if (stores_.agreements == nullptr) return std::vector<OpenedName>();
  const auto pages = stores_.agreements->Pages(school, kOpenedNamesBook);
  if (!pages.ok()) return pages.status();
  std::vector<OpenedName> all;
  for (const BookPage& page : *pages) {
    OpenedName one = OpenedNameOf(page);
    if (absl::IsNotFound(stores_.alerts.Get(one.alert).status())) {
      (void)stores_.agreements->RemovePage(school, kOpenedNamesBook, page.key);
      continue;
    }
    if (one.number != 0) all.push_back(std::move(one));
  }
  return all;
}

// For the page of names: those that this reader knows of anyhow.
nlohmann::json Api::NamesToTell(const Caller& caller) {
  nlohmann::json list = nlohmann::json::array();
  const auto opened = OpenedNames(caller.account.school);
  if (!opened.ok()) return list;
  const Readers everybody = Everybody();
  const absl::Time now = clock_.Now();
  for (const OpenedName& one : *opened) {
    const absl::StatusOr<v1::Alert> alert = stores_.alerts.Get(one.alert);
    if (!alert.ok() ||
        SightOf(caller.account, *alert, everybody) != Sight::kFull) {
      continue;
    }
    const bool has_record = std::any_of(
        everybody.accounts.begin(), everybody.accounts.end(),
        [&](const Account& a) { return a.own_pseudonym == one.subject; });
    list.push_back(
        {{"number", one.number},
         {"alert", one.alert},
         {"opened", TimeWord(absl::ToUnixMicros(one.opened))},
         {"requester", NameOf(one.requester)},
         {"approver", NameOf(one.approver)},
         {"tell_from", TimeWord(absl::ToUnixMicros(one.tell_from))},
         {"due", now >= one.tell_from},
         {"later_reason", one.later_reason},
         {"on_their_record", has_record},
         {"told", one.IsTold() ? TimeWord(absl::ToUnixMicros(one.told)) : ""},
         {"told_by", one.told_by == kByRecord ? "" : NameOf(one.told_by)}});
  }
  return list;
}

// What the reader is told about their own name; from then on they know.
nlohmann::json Api::OwnOpenedNames(const Caller& caller) {
  nlohmann::json list = nlohmann::json::array();
  const std::string& own = caller.account.own_pseudonym;
  const auto opened = OpenedNames(caller.account.school);
  if (own.empty() || !opened.ok()) return list;
  const absl::Time now = clock_.Now();
  for (OpenedName one : *opened) {
    if (one.subject != own || now < one.tell_from) continue;
    list.push_back({{"opened", TimeWord(absl::ToUnixMicros(one.opened))},
                    {"by", {NameOf(one.requester), NameOf(one.approver)}}});
    if (one.IsTold()) continue;
    one.told_by = kByRecord;
    one.told = now;
    (void)stores_.agreements->PutPage(PageOf(one, caller.account.school));
  }
  return list;
}

Response Api::ToldName(uint64_t number, const Caller& caller) {
  const auto opened = OpenedNames(caller.account.school);
  if (!opened.ok()) {
    return Refusal(503, "not_stored", "Nothing was changed. Try again later.");
  }
  const auto found =
      std::find_if(opened->begin(), opened->end(),
                   [&](const OpenedName& one) { return one.number == number; });
  Response refusal = Refusal(404, "not_found", "There is no such name.");
  if (found == opened->end() || !SeenBy(found->alert, caller, &refusal)) {
    return refusal;
  }
  OpenedName one = *found;
  if (one.IsTold()) {
    return Refusal(409, "not_now", "The person has been told already.");
  }
  if (clock_.Now() < one.tell_from) {
    return Refusal(409, "not_now",
                   "Two people agreed that the person is told later.");
  }
  one.told_by = caller.account.name;
  one.told = clock_.Now();
  if (auto failed = Record(caller.account.name, "told_name",
                           absl::StrCat(one.alert), "")) {
    return *failed;
  }
  if (!stores_.agreements->PutPage(PageOf(one, caller.account.school)).ok()) {
    return Refusal(503, "not_stored", "Nothing was changed. Try again later.");
  }
  return JsonAnswer({{"to_tell", NamesToTell(caller)}});
}

}  // namespace schoolgate::collector
