#include "collector/cases/contacts.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "collector/cases/sanctions.h"
#include "collector/cases/sight.h"
#include "collector/cases/words.h"

namespace schoolgate::collector {
namespace {

constexpr char kBook[] = "contacts";
constexpr size_t kLeastDigits = 3;

bool IsPhone(const std::string& text) {
  size_t digits = 0;
  for (const char c : text) {
    if (std::isdigit(static_cast<unsigned char>(c)) != 0) {
      ++digits;
    } else if (!absl::StrContains("+ ()-/.,x", c) && c != ' ') {
      return false;
    }
  }
  return digits >= kLeastDigits;
}

bool IsEmail(const std::string& text) {
  const size_t at = text.find('@');
  return at != std::string::npos && at > 0 && at + 1 < text.size() &&
         text.find('@', at + 1) == std::string::npos &&
         text.find_first_of(" \t\n,;<>") == std::string::npos;
}

const ContactRole* RoleOf(const std::string& id) {
  for (const ContactRole& role : ContactRoles()) {
    if (role.id == id) return &role;
  }
  return nullptr;
}

bool HasTag(const v1::CompiledPolicy* policy, const std::string& category,
            const char* tag) {
  if (policy == nullptr) return false;
  for (const v1::PolicyCategory& one : policy->categories()) {
    if (one.id() != category) continue;
    return std::find(one.tags().begin(), one.tags().end(), tag) !=
           one.tags().end();
  }
  return false;
}

// What the school's own table ticks for the alert, as roles of the book.
void AddTicked(const v1::CompiledPolicy& policy, const v1::Alert& alert,
               std::set<std::string>* roles) {
  const PolicyRow row = RowOf(policy, alert, false);
  std::vector<std::string> words = row.steps;
  words.insert(words.end(), row.needs_reason.begin(), row.needs_reason.end());
  for (const std::string& word : words) {
    if (absl::StrContains(word, "police")) roles->insert("police");
    if (absl::StrContains(word, "local authority")) {
      roles->insert("local_authority");
    }
    if (absl::StrContains(word, "technical")) roles->insert("technical");
  }
}

}  // namespace

const std::vector<ContactRole>& ContactRoles() {
  static const std::vector<ContactRole> roles = {
      {"police", "Police",
       "Illegal material, threats, grooming. In danger at once: the emergency "
       "number."},
      {"lado", "Local authority designated officer (LADO)",
       "Anything that an adult who works with children may have done."},
      {"social_care", "Children’s social care",
       "A child who may be harmed or need help."},
      {"prevent", "Prevent lead", "A person who may be drawn into terrorism."},
      {"local_authority", "Local authority, or personnel adviser",
       "Serious incidents, and advice before staff are dealt with."},
      {"trust", "Trust or federation", "As its own rules ask."},
      {"governors", "Chair of governors",
       "Anything about the head, or about those who handle alerts."},
      {"technical", "IT provider",
       "A device that was tampered with, a filter that fails, a lost device."},
      {"data_protection", "Data protection officer",
       "Personal data that was lost or seen by the wrong people."},
      {"helpline", "Online safety helpline for professionals",
       "Advice, and having material taken down."}};
  return roles;
}

absl::StatusOr<std::vector<Contact>> ContactsOf(AgreementStore* store,
                                                const std::string& school) {
  absl::StatusOr<std::vector<BookPage>> pages = std::vector<BookPage>();
  if (store != nullptr) pages = store->Pages(school, kBook);
  if (!pages.ok()) return pages.status();
  std::vector<Contact> book;
  for (const ContactRole& role : ContactRoles()) {
    Contact& one = book.emplace_back();
    one.role = role.id;
    for (const BookPage& page : *pages) {
      if (page.key != one.role) continue;
      const auto text = nlohmann::json::parse(page.text, nullptr, false);
      if (!text.is_object()) continue;
      one.name = text.value("name", "");
      one.phone = text.value("phone", "");
      one.email = text.value("email", "");
      one.notes = text.value("notes", "");
      one.changed_by = page.changed_by;
      one.changed = page.changed;
    }
  }
  return book;
}

absl::Status CheckContact(const Contact& contact) {
  if (RoleOf(contact.role) == nullptr) {
    return absl::InvalidArgumentError("There is no such line in the book.");
  }
  if (contact.name.empty() && contact.phone.empty() && contact.email.empty()) {
    return absl::OkStatus();
  }
  if (contact.phone.empty() && contact.email.empty()) {
    return absl::InvalidArgumentError(
        "Enter a telephone number or an e-mail address.");
  }
  if (!contact.phone.empty() && !IsPhone(contact.phone)) {
    return absl::InvalidArgumentError(
        "The telephone number has something in it that is no number.");
  }
  if (!contact.email.empty() && !IsEmail(contact.email)) {
    return absl::InvalidArgumentError("This is no e-mail address.");
  }
  return absl::OkStatus();
}

absl::Status WriteContact(AgreementStore& store, const std::string& school,
                          const Contact& contact) {
  if (absl::Status fine = CheckContact(contact); !fine.ok()) return fine;
  if (contact.phone.empty() && contact.email.empty()) {
    const absl::Status gone = store.RemovePage(school, kBook, contact.role);
    return absl::IsNotFound(gone) ? absl::OkStatus() : gone;
  }
  const nlohmann::json text = {{"name", contact.name},
                               {"phone", contact.phone},
                               {"email", contact.email},
                               {"notes", contact.notes}};
  return store.PutPage({.school = school,
                        .book = kBook,
                        .key = contact.role,
                        .text = text.dump(),
                        .changed_by = contact.changed_by,
                        .changed = contact.changed});
}

std::vector<std::string> ContactsFor(const v1::Alert& alert,
                                     const v1::CompiledPolicy* policy) {
  std::set<std::string> roles;
  const bool person = absl::StartsWith(alert.subject(), "P-");
  bool staff = IsStaffGroup(alert.group());
  if (policy != nullptr) {
    for (const std::string& group : GroupAndParents(*policy, alert.group())) {
      staff = staff || IsStaffGroup(group);
    }
  }
  if (alert.category() == "terrorism" ||
      HasTag(policy, alert.category(), "radicalisation")) {
    roles.insert("prevent");
  }
  if (IsLocked(alert)) {
    roles.insert({"police", "social_care"});
    if (staff) roles.insert("lado");
  } else if (!person && alert.category().empty()) {
    roles.insert("technical");
  } else {
    if (staff && alert.severity() == v1::SEVERITY_SERIOUS) {
      roles.insert({"lado", "governors"});
    }
    if (policy != nullptr) {
      AddTicked(*policy, alert, &roles);
      if (PolicyTier(*policy, alert.category()) == v1::TIER_SAFEGUARDING) {
        roles.insert({"social_care", "helpline"});
      }
    }
  }
  std::vector<std::string> ordered;
  for (const ContactRole& role : ContactRoles()) {
    const std::string id(role.id);
    if (roles.count(id) > 0) ordered.push_back(id);
  }
  return ordered;
}

nlohmann::json ContactsJson(const std::vector<Contact>& book,
                            const std::vector<std::string>& roles) {
  nlohmann::json list = nlohmann::json::array();
  for (const Contact& one : book) {
    if (std::find(roles.begin(), roles.end(), one.role) == roles.end()) {
      continue;
    }
    const ContactRole* role = RoleOf(one.role);
    list.push_back({{"id", one.role},
                    {"title", std::string(role->title)},
                    {"when", std::string(role->when)},
                    {"name", one.name},
                    {"phone", one.phone},
                    {"email", one.email},
                    {"notes", one.notes},
                    {"missing", one.changed == absl::InfinitePast()}});
  }
  return list;
}

ReportTable ContactTable(const std::vector<Contact>& book,
                         absl::TimeZone zone) {
  ReportTable table;
  table.title = "Whom we tell outside";
  table.note =
      "The contact book. A line that nobody has filled or looked at for a year "
      "is worth a telephone call before it is needed.";
  table.columns = {"Who", "Telephone or e-mail", "Last checked"};
  for (const Contact& one : book) {
    const bool missing = one.changed == absl::InfinitePast();
    table.rows.push_back(
        {std::string(RoleOf(one.role)->title),
         missing             ? "Not written down"
         : one.phone.empty() ? one.email
                             : one.phone,
         missing ? "" : absl::FormatTime("%-d %B %Y", one.changed, zone)});
  }
  return table;
}

}  // namespace schoolgate::collector
