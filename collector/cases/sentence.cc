#include "collector/cases/sentence.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "collector/cases/device_speech.h"
#include "collector/cases/sanctions.h"
#include "collector/cases/together.h"
#include "collector/cases/words.h"
#include "collector/detect/incident.h"
#include "collector/detect/tier.h"
#include "collector/detect/transfer.h"
#include "collector/store/alert_brief.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kHostsNamed = 3;

struct Tally {
  uint32_t blocked = 0, contacted = 0;
  std::vector<std::string> hosts;  // different ones, in order of time

  uint32_t all() const { return blocked + contacted; }
};

Tally Count(const v1::Alert& alert) {
  Tally tally;
  std::set<std::string> seen;
  for (const v1::AlertEvidence& line : alert.evidence()) {
    if (line.action() == "blocked")
      tally.blocked += line.count();
    else
      tally.contacted += line.count();
    if (!line.host().empty() && seen.insert(line.host()).second) {
      tally.hosts.push_back(line.host());
    }
  }
  return tally;
}

std::string DeviceName(const v1::Alert& alert) {
  return alert.device_name().empty() ? alert.device() : alert.device_name();
}

std::string Span(const v1::Alert& alert, absl::TimeZone zone) {
  return When(absl::FromUnixMicros(alert.first_unix_us()),
              absl::FromUnixMicros(alert.last_unix_us()), zone);
}

// "2 gambling sites (a and b)" or "www.bet.test (a gambling site)".
std::string Where(const v1::Alert& alert, const Tally& tally) {
  if (tally.hosts.empty()) return OneOfCategory(alert.category());
  if (tally.hosts.size() == 1) {
    return absl::StrCat(tally.hosts[0], " (", OneOfCategory(alert.category()),
                        ")");
  }
  return absl::StrCat(tally.hosts.size(), " ", CategoryWords(alert.category()),
                      " (", Listed(tally.hosts, kHostsNamed), ")");
}

const char* Verb(const Tally& tally) {
  if (tally.contacted == 0) return "tried to reach";
  return tally.blocked == 0 ? "contacted" : "contacted or tried to reach";
}

std::string Deed(const Tally& tally, const std::string& where) {
  std::string often = Times(tally.all());
  if (tally.all() >= kMostActsInIncident) absl::StrAppend(&often, " or more");
  return absl::StrCat(" ", Verb(tally), " ", where, " ", often);
}

std::string Outcome(const Tally& tally) {
  if (tally.contacted == 0) {
    return tally.blocked == 1 ? "it was blocked" : "each try was blocked";
  }
  if (tally.blocked == 0) return "it was not blocked";
  return absl::StrCat(tally.blocked, " of these were blocked");
}

std::string ContactTitle(const Finding& finding) {
  if (finding.category == "bypass") return "Tried to get around the filter";
  std::string many = CategoryWords(finding.category);
  if (IsWelfare(finding.category)) {
    return absl::StrCat("Welfare: ", many);
  }
  if (finding.count == 1) {
    return absl::StrCat("Contact with ", OneOfCategory(finding.category));
  }
  if (finding.enforced) return absl::StrCat("Repeated tries: ", many);
  return absl::StrCat("Repeated contact: ", many);
}

std::string WhyContacts(const Finding& finding, const Tally& tally) {
  std::string words;
  if (finding.joined_bypass) {
    words = "A filter-bypass service was contacted up to 15 minutes before. ";
  }
  if (IsWelfare(finding.category)) {
    return words +
           "Contact with such sites is shown at once, so that "
           "somebody can help.";
  }
  if (finding.labels == finding.count) {
    return words +
           "The bytes of these connections are of this kind, whatever name "
           "they showed, and they came more than a minute apart.";
  }
  if (finding.labels > 0) {
    return absl::StrCat(words, finding.labels, " of these ",
                        finding.labels == 1 ? "is" : "are",
                        " known by the bytes of the connection; the others "
                        "looked as if a person opened the site.");
  }
  if (finding.ungraded == finding.count) {
    return words +
           "The tries are too far apart to be the browser's own "
           "retries, and no page tried to load many hosts at once.";
  }
  const char* deed = tally.contacted == 0 ? "tried to open" : "opened";
  if (tally.all() == 1) {
    return absl::StrCat(
        words,
        "A single contact of this kind is shown when it looks as if a person ",
        deed, " the site: it came by itself, not as part of another page.");
  }
  if (finding.by_landing) {
    return absl::StrCat(
        words,
        "Each looked as if a person opened the site. A short landing on such "
        "a site at another time, which alone would count for nothing, makes "
        "it a pattern.");
  }
  return absl::StrCat(words, "Each looked as if a person ", deed,
                      " the site: it came by itself, not as part of another "
                      "page. A browser's own retries are counted once.");
}

std::string InFavour(const Finding& finding, bool is_person,
                     const Tally& tally) {
  std::string words;
  auto say = [&](const std::string& more) {
    absl::StrAppend(&words, words.empty() ? "" : " ", more);
  };
  if (finding.self_reported) {
    say("The person reported this themselves soon after.");
  }
  if (!is_person) {
    say("The device is shared or its user is not known for certain: this may "
        "be anybody who used it.");
  }
  if (tally.all() == 1) {
    say("It happened once: a mistyped address or a misleading link can look "
        "like this.");
  }
  if (finding.labels > 0) {
    say("A program that the person did not start can make such connections.");
  }
  if (tally.contacted == 0) say("Everything was blocked; nothing was loaded.");
  if (finding.late) {
    say("The device was offline, so this is told later than it happened.");
  }
  if (finding.landed == 1) {
    say(finding.by_landing
            ? "One more short landing is not counted: it may be an accident."
            : "One more short landing looks accidental and is not counted.");
  } else if (finding.landed > 1) {
    say(absl::StrCat(finding.landed,
                     " short landings look accidental and "
                     "are not counted."));
  }
  say("Only the host is known, not the page or what it showed.");
  return words;
}

void ContactWords(const Finding& finding, absl::TimeZone zone,
                  const v1::CompiledPolicy* policy, v1::Alert* alert) {
  Tally tally = Count(*alert);
  bool is_person = finding.subject_is_person;
  bool ask_first = finding.self_reported || tally.all() == 1;
  alert->set_title(ContactTitle(finding));
  alert->set_sentence(
      absl::StrCat(Who(*alert, is_person), Deed(tally, Where(*alert, tally)),
                   " ", Span(*alert, zone), "; ", Outcome(tally), "."));
  alert->set_why(WhyContacts(finding, tally));
  if (finding.rule == kThinPattern) {
    absl::StrAppend(alert->mutable_why(),
                    " This is no pattern of several days yet, so it is told "
                    "in the daily digest; with one more contact on another "
                    "day it becomes an alert.");
  }
  if (!finding.threshold.empty()) {
    absl::StrAppend(alert->mutable_why(),
                    " The school's policy asks to be "
                    "told of ",
                    finding.threshold, ".");
  }
  alert->set_in_favour(InFavour(finding, is_person, tally));
  alert->set_next_step(NextStep(*alert, is_person, ask_first, policy));
}

void TransferWords(const Finding& finding, absl::TimeZone zone,
                   const v1::CompiledPolicy* policy, v1::Alert* alert) {
  const Tally tally = Count(*alert);
  const bool unnamed = finding.category == kBulkTransfer;
  const double megabytes = static_cast<double>(finding.bytes) / 1e6;
  alert->set_title(unnamed ? std::string("Large transfer")
                           : absl::StrCat("Large transfer: ",
                                          CategoryWords(finding.category)));
  alert->set_sentence(absl::StrCat(
      Who(*alert, finding.subject_is_person), " moved ",
      megabytes < 1000 ? absl::StrFormat("%.0f MB", megabytes)
                       : absl::StrFormat("%.1f GB", megabytes / 1000),
      " to or from ",
      unnamed ? std::string("hosts that are not recorded")
              : Where(*alert, tally),
      " ", Span(*alert, zone), "."));
  alert->set_why(absl::StrCat("The school's policy asks to be told of ",
                              finding.threshold, "."));
  alert->set_in_favour(
      InFavour(finding, finding.subject_is_person, tally) +
      " An update or a copy that the school's work needs can be as large.");
  alert->set_next_step(
      NextStep(*alert, finding.subject_is_person, true, policy));
}

void HoursWords(const Finding& finding, absl::TimeZone zone,
                const v1::CompiledPolicy* policy, v1::Alert* alert) {
  alert->set_title("Used when the school is shut");
  alert->set_sentence(absl::StrCat(
      "Device ", DeviceName(*alert), " was used ", Span(*alert, zone),
      ", when the school is shut: ", finding.count,
      " contacts that the policy reports",
      finding.subject_is_person ? absl::StrCat(", by account ", finding.subject)
                                : "",
      "."));
  alert->set_why(absl::StrCat(
      "The school's policy asks to be told when a computer of the pupils' "
      "rooms is used outside opening hours: ",
      finding.threshold, "."));
  alert->set_in_favour(
      "A club, a parents' evening or the cleaners can be the reason. What the "
      "policy does not report is not counted.");
  alert->set_next_step(
      NextStep(*alert, finding.subject_is_person, true, policy));
}

void SealedWords(const Finding& finding, absl::TimeZone zone,
                 v1::Alert* alert) {
  Tally tally = Count(*alert);
  alert->set_title("Contact with restricted material");
  alert->set_sentence(
      absl::StrCat(Who(*alert, finding.subject_is_person), " ", Verb(tally),
                   " a host on the restricted list ", Times(tally.all()), " ",
                   Span(*alert, zone), "; ", Outcome(tally), "."));
  alert->set_why(
      "Any contact with the restricted list is raised. The host is sealed for "
      "the police and shown to nobody here.");
  alert->set_in_favour(
      InFavour(finding, finding.subject_is_person, tally) +
      " A page or a program can cause such a contact without the person's "
      "knowledge.");
  alert->set_next_step(
      NextStep(*alert, finding.subject_is_person, true, nullptr));
}

void ClassWords(const Finding& finding, absl::TimeZone zone, v1::Alert* alert) {
  const Tally tally = Count(*alert);
  alert->set_title("Whole class, same host");
  alert->set_sentence(
      absl::StrCat(finding.devices, " devices ", Verb(tally), " ",
                   finding.subject, " (", OneOfCategory(finding.category), ") ",
                   Span(*alert, zone), "; ", Outcome(tally), "."));
  alert->set_why(
      "So many devices within ten minutes point to a lesson, a link or a "
      "fault, so there is one record and no alert about a person.");
  alert->set_in_favour("Nobody is singled out by this record.");
  alert->set_next_step(
      "Ask the teacher of that lesson. If the host should be blocked or "
      "opened for the class, ask for the rule to be changed.");
}

void AccountWords(const Finding& finding, absl::TimeZone zone,
                  const v1::CompiledPolicy* policy, v1::Alert* alert) {
  const std::string when = Span(*alert, zone);
  if (finding.rule == "shared_account") {
    alert->set_title("One account on two devices");
    alert->set_sentence(absl::StrCat("Account ", finding.subject,
                                     " was used on ", finding.devices,
                                     " devices in turn ", when, "."));
    alert->set_why(
        "The devices took turns too quickly for one person who walks from one "
        "to the other.");
    alert->set_in_favour(
        "Somebody else may have used a screen that was left unlocked. Nothing "
        "says that the password was given away.");
  } else if (finding.rule == "other_account") {
    alert->set_title("Pupil account on a staff device");
    alert->set_sentence(absl::StrCat("Account ", finding.subject,
                                     " was used on the staff device ",
                                     DeviceName(*alert), " ", when, "."));
    alert->set_why("Devices of the staff are not for pupils.");
    alert->set_in_favour(
        "A member of staff may have let the pupil use it for the lesson.");
  } else {
    alert->set_title("Staff account on a pupils' device");
    alert->set_sentence(absl::StrCat("The staff account ", finding.detail,
                                     " was used on the pupils' device ",
                                     DeviceName(*alert), " ", when, "."));
    alert->set_why(
        "Pupils must not use an account of the staff. Until it is clear who "
        "it was, alerts about that account at that time prove nothing about "
        "its owner.");
    alert->set_in_favour(
        "The member of staff may have logged in there themselves, to help or "
        "to teach.");
  }
  alert->set_next_step(NextStep(*alert, true, true, policy));
}

// On a device that the school gave to somebody else. Nobody did wrong, as far
// as anybody knows.
void NotAssignedWords(const Finding& finding, absl::TimeZone zone,
                      v1::Alert* alert) {
  alert->set_title("Another log-in on somebody's own device");
  alert->set_sentence(absl::StrCat(
      "The log-in ", finding.detail, " was used on ", DeviceName(*alert),
      ", which the school gave to somebody else, ", Span(*alert, zone), "."));
  alert->set_why(
      "Such a device is for the person it was given to. Until it is clear who "
      "used it, alerts about that device at that time prove nothing about "
      "either of them.");
  alert->set_in_favour(
      "It may have been lent with leave, a colleague may have helped, or the "
      "list of who has which device may be out of date. It is a question, not "
      "a fault.");
  alert->set_next_step(
      "Ask the person whose device it is. If it has changed hands, tell the IT "
      "provider, who keeps the list.");
}

// "Pupil P-7F3A asked", "Somebody on laptop-12 asked".
void RequestWords(const Finding& finding, absl::TimeZone zone,
                  v1::Alert* alert) {
  alert->set_title("Somebody asks for a change");
  alert->set_sentence(absl::StrCat(
      finding.subject_is_person
          ? absl::StrCat(finding.subject, " asked ")
          : absl::StrCat("Somebody on ", DeviceName(*alert), " asked "),
      Span(*alert, zone), " for ", finding.detail, "."));
  alert->set_why("People can ask for a host to be opened or blocked.");
  alert->set_in_favour(finding.in_favour);
  const bool lesson = std::any_of(alert->evidence().begin(),
                                  alert->evidence().end(), AsksForPass);
  alert->set_next_step(
      lesson ? "This is for a lesson: “Lesson passes” shows what the class "
               "would miss, and how a pass is approved. Tell the person what "
               "you decided."
             : "Decide with the IT provider whether the rules should change, "
               "and tell the person what you decided.");
}

void DeviceWords(const Finding& finding, absl::TimeZone zone,
                 v1::Alert* alert) {
  const size_t devices =
      MayShareAlert(finding) ? DevicesOf(*alert).size() : size_t{1};
  const std::string when = Span(*alert, zone);
  DeviceSpeech speech =
      devices > 1
          ? SpeakOfDevices(finding, devices, DeviceName(*alert), alert->count(),
                           when)
          : SpeakOfDevice(finding, DeviceName(*alert), alert->count(), when);
  alert->set_title(speech.title);
  alert->set_sentence(speech.sentence);
  alert->set_why(speech.why);
  alert->set_in_favour(speech.in_favour);
  alert->set_next_step(speech.next_step);
}

}  // namespace

void PutInWords(const Finding& finding, absl::TimeZone zone,
                const v1::CompiledPolicy* policy, v1::Alert* alert) {
  if (finding.rule == "bulk_transfer") {
    return TransferWords(finding, zone, policy, alert);
  }
  if (finding.rule == "out_of_hours") {
    return HoursWords(finding, zone, policy, alert);
  }
  if (finding.rule == "not_assigned") {
    return NotAssignedWords(finding, zone, alert);
  }
  if (!AccountKind(*alert).empty()) {
    return AccountWords(finding, zone, policy, alert);
  }
  if (finding.rule == "class_event") return ClassWords(finding, zone, alert);
  if (finding.rule == "person_asks") return RequestWords(finding, zone, alert);
  if (finding.rule == "restricted_list") {
    return SealedWords(finding, zone, alert);
  }
  if (finding.opened + finding.attempts + finding.ungraded > 0) {
    return ContactWords(finding, zone, policy, alert);
  }
  DeviceWords(finding, zone, alert);
}

}  // namespace schoolgate::collector
