// Whom the school tells outside, and the draft of a letter home.
#include "absl/strings/str_cat.h"
#include "collector/cases/alert_json.h"
#include "collector/cases/contacts.h"
#include "collector/cases/letter.h"
#include "collector/web/api.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kFieldLimit = 120;
constexpr size_t kNotesLimit = 500;

Response NoBook() {
  return Refusal(503, "no_contacts", "The contact book cannot be read now.");
}

}  // namespace

Response Api::ShowContacts(const Caller& caller) {
  const auto book = ContactsOf(stores_.agreements, caller.account.school);
  if (!book.ok()) return NoBook();
  if (auto failed = Record(caller.account.name, "view_contacts", "", "")) {
    return *failed;
  }
  std::vector<std::string> all;
  for (const ContactRole& role : ContactRoles()) all.emplace_back(role.id);
  nlohmann::json lines = ContactsJson(*book, all);
  for (size_t i = 0; i < lines.size(); ++i) {
    const Contact& one = (*book)[i];
    if (one.changed == absl::InfinitePast()) continue;
    lines[i]["changed"] = TimeWord(absl::ToUnixMicros(one.changed));
    lines[i]["changed_by"] = NameOf(one.changed_by);
  }
  return JsonAnswer({{"contacts", std::move(lines)}});
}

Response Api::ChangeContact(const Request& request, const Caller& caller) {
  if (stores_.agreements == nullptr) return NoBook();
  const nlohmann::json body = BodyObject(request);
  Contact contact;
  contact.role = Text(body, "id", kFieldLimit);
  contact.name = Text(body, "name", kFieldLimit);
  contact.phone = Text(body, "phone", kFieldLimit);
  contact.email = Text(body, "email", kFieldLimit);
  contact.notes = Text(body, "notes", kNotesLimit);
  contact.changed_by = caller.account.name;
  contact.changed = clock_.Now();
  if (absl::Status fine = CheckContact(contact); !fine.ok()) {
    return Refusal(400, "incomplete", std::string(fine.message()));
  }
  if (auto failed =
          Record(caller.account.name, "change_contact", contact.role,
                 contact.phone.empty() ? contact.email : contact.phone)) {
    return *failed;
  }
  if (!WriteContact(*stores_.agreements, caller.account.school, contact).ok()) {
    return Refusal(503, "not_stored", "Nothing was changed. Try again later.");
  }
  return ShowContacts(caller);
}

nlohmann::json Api::ContactsOfAlert(const v1::Alert& alert) {
  const Policy policy = PolicyOf(stores_.policies, alert.school());
  const auto book = ContactsOf(stores_.agreements, alert.school());
  if (!book.ok()) return nlohmann::json::array();
  return ContactsJson(*book, ContactsFor(alert, policy.get()));
}

Response Api::DraftLetter(uint64_t id, const Caller& caller) {
  Response refusal;
  const std::optional<v1::Alert> alert = SeenBy(id, caller, &refusal);
  if (!alert) return refusal;
  const Policy policy = PolicyOf(stores_.policies, alert->school());
  const LetterHead head = {facts_.school_name,
                           facts_.contact,
                           NameOf(caller.account.name),
                           RoleTitle(caller.account.role),
                           clock_.Now(),
                           facts_.zone};
  const auto letter = LetterToParents(*alert, policy.get(), head);
  if (!letter.ok()) {
    return Refusal(409, "not_now", std::string(letter.status().message()));
  }
  if (auto failed =
          Record(caller.account.name, "draft_letter", absl::StrCat(id), "")) {
    return *failed;
  }
  return JsonAnswer(LetterJson(*letter, head));
}

}  // namespace schoolgate::collector
