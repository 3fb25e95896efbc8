#include "agent/cli/words.h"

#include <algorithm>
#include <cctype>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace schoolgate::agent {
namespace {

std::string Text(const nlohmann::json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>()
                                                   : std::string();
}

uint64_t Number(const nlohmann::json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number() ? found->get<uint64_t>() : 0;
}

// A sentence on a line of its own; nothing for nothing.
std::string Line(std::string text) {
  if (text.empty()) return text;
  if (!std::ispunct(static_cast<unsigned char>(text.back()))) text += ".";
  return text + "\n";
}

// How many connections showed no name, and why, most frequent first.
std::string BlindnessInWords(const nlohmann::json& status) {
  static constexpr std::pair<const char*, const char*> kCauses[] = {
      {"ech", "encrypted hello (ECH)"},
      {"doh", "names asked inside HTTPS"},
      {"dot", "names asked inside TLS"},
      {"doq", "names asked inside QUIC"},
      {"vpn", "VPN"},
      {"tor", "Tor"},
      {"direct_address", "address without a name"},
      {"no_sni", "hello without a name"},
      {"parse_failure", "unreadable hello"},
      {"missed_start", "begun before it watched"}};
  const auto blind = status.find("blindness");
  if (blind == status.end() || !blind->is_object()) return "";
  const uint64_t of = Number(*blind, "of_flows");
  uint64_t all = 0;
  std::vector<std::pair<uint64_t, const char*>> lines;
  for (const auto& [cause, words] : kCauses) {
    const uint64_t flows = Number(*blind, cause);
    all += flows;
    if (flows > 0) lines.emplace_back(flows, words);
  }
  if (all == 0) return "";
  std::stable_sort(
      lines.begin(), lines.end(),
      [](const auto& a, const auto& b) { return a.first > b.first; });
  std::string text = std::to_string(all) + " of " +
                     std::to_string(std::max(of, all)) +
                     " connections did not show whom they were for:\n";
  for (const auto& [flows, words] : lines) {
    text += "  " + std::to_string(flows) + "  " + words + "\n";
  }
  return text;
}

// Whose doing a contact is taken to be, and how that is known.
std::string WhoInWords(const nlohmann::json& status) {
  std::string words;
  const auto you = status.find("you");
  if (you == status.end() || !you->is_object()) return words;
  const std::string group = Text(*you, "group");
  const std::string as = Text(*you, "as");
  if (as == "person") {
    words += "Programs that you start count as " + Text(*you, "login") +
             ", group " + group + ".\n";
  } else if (as == "shared") {
    words +=
        "You use a shared account or a guest's: what it contacts is put down "
        "to nobody, by the rules of group " +
        group + ".\n";
  } else if (as == "system") {
    words +=
        "This account belongs to the machine: what it contacts is put down to "
        "nobody, by the rules of group " +
        group + ".\n";
  } else {
    words +=
        "This account is not known to the school: what it contacts is put "
        "down to nobody, by the rules of group " +
        group + ".\n";
  }
  if (Text(status, "sees") == "flows") {
    words +=
        "It looks at the first packets of each connection. The system says "
        "with each packet whose program sent it.\n";
  } else if (Text(status, "sees") == "interface") {
    words +=
        "It looks at all packets, and asks the system whose program sent "
        "them. A program that ends at once is put down to nobody.\n";
  }
  if (you->contains("minutes_left")) {
    words += "Your time on this computer is over in " +
             std::to_string(Number(*you, "minutes_left")) +
             " minutes; then only help-lines are open.\n";
  }
  if (const std::string day = Text(*you, "guest_until"); !day.empty()) {
    words += "This guest account can be used until the end of " + day + ".\n";
  }
  const std::string session = Text(*you, "session");
  if (session == "locked" || session == "idle" || session == "in use") {
    words += "Your session is " + session +
             "; what happens while the screen is locked is marked so.\n";
  }
  return words;
}

}  // namespace

std::string StatusInWords(const nlohmann::json& status) {
  std::string words;
  const std::string school = Text(status, "school");
  if (school.empty()) {
    words +=
        "This device is not enrolled with a school yet. Nothing that you "
        "do is reported.\n";
  } else {
    words += "This device belongs to " + school + " (device " +
             Text(status, "device") + ").\n";
  }
  if (!status.value("capturing", false)) {
    words += "Schoolgate is not watching the network: " +
             Text(status, "capture_problem") + "\n";
  } else if (Text(status, "mode") == "enforce") {
    words +=
        "Schoolgate is on. It blocks what the school's rules block, and "
        "tells the school about it.\n";
  } else {
    words +=
        "Schoolgate is on. It tells the school when a host that the "
        "school's rules do not allow is contacted.\n";
  }
  if (Number(status, "rules_version") == 0) {
    words += "It has no rules yet.\n";
  } else {
    words += "Rules: " + Text(status, "rules_title") + ", version " +
             std::to_string(Number(status, "rules_version")) + ".\n";
  }
  if (const auto portal = status.find("portal");
      portal != status.end() && portal->is_array() && !portal->empty()) {
    words += "The log-in page of this network is open for a few minutes:";
    for (const nlohmann::json& host : *portal) {
      if (host.is_string()) words += " " + host.get<std::string>();
    }
    words += ".\n";
  }
  const uint64_t contacts = Number(status, "contacts");
  words += "Since it started it noted " +
           (contacts == 0   ? std::string("no contact")
            : contacts == 1 ? std::string("1 contact")
                            : std::to_string(contacts) + " contacts") +
           " with such hosts. Names of all other hosts are forgotten "
           "within a minute and never leave this device.\n";
  words += BlindnessInWords(status);
  words += WhoInWords(status);
  if (const std::string notice = Text(status, "notice"); !notice.empty()) {
    words += "\n" + notice + "\n";
  }
  return words;
}

std::string RecordInWords(const nlohmann::json& answer) {
  const auto record = answer.find("record");
  if (record == answer.end() || !record->is_array() || record->empty()) {
    return "Nothing about you has left this device since it started.\n";
  }
  std::string words =
      "This left the device about you since it started. Your log-in name "
      "travels sealed; the host is readable to the school.\n\n";
  for (const nlohmann::json& entry : *record) {
    words += Text(entry, "time") + "  " + Text(entry, "host");
    if (Text(entry, "what") == "notice") {
      words +=
          "you accepted the school's notice, version " + Text(entry, "version");
    } else if (Text(entry, "what") == "log-in") {
      words += "you logged in here; this computer is somebody else's";
    } else if (Text(entry, "what") == "report") {
      words += "  your own report";
    } else if (entry.value("stopped", false)) {
      words += "  blocked";
    } else {
      words += "  contacted";
    }
    if (const std::string clause = Text(entry, "clause"); !clause.empty()) {
      words += "  (" + clause + ")";
    }
    words += "\n";
  }
  words +=
      "\nA contact is one connection: it does not say that you meant it, as "
      "pages and programs make many by themselves. If you came there by "
      "accident, say so with: schoolgate report accident HOST\n";
  return words;
}

std::string SchoolNoticeInWords(const nlohmann::json& answer) {
  const std::string notice = Text(answer, "notice");
  if (notice.empty()) return "The school has given no notice yet.\n";
  return notice + "\n(version " + Text(answer, "version") + ")\n" +
         (answer.value("accepted", false)
              ? "You have said that you read it.\n"
              : "Say that you have read it with: schoolgate notice --accept\n");
}

std::string PreviewInWords(const nlohmann::json& answer) {
  const std::string group = answer.value("group", std::string());
  const auto& hosts = answer.at("hosts");
  std::string lines;
  size_t missed = 0;
  for (const auto& one : hosts) {
    if (!one.value("blocked", false)) continue;
    ++missed;
    absl::StrAppend(&lines, "  ", one.value("host", std::string()), ": ",
                    one.value("reason", std::string()),
                    one.value("passable", false) ? " A lesson pass can open it."
                                                 : " No lesson pass opens it.",
                    "\n");
  }
  if (hosts.empty()) {
    return "No host was asked for by you within the last minute. Open the "
           "site, wait until it is there, and ask again at once.\n";
  }
  if (missed == 0) {
    return absl::StrCat("The group ", group, " would get all ", hosts.size(),
                        " hosts that you asked for within the last minute.\n");
  }
  return absl::StrCat(
      "The group ", group, " would miss ", missed, " of the ", hosts.size(),
      " hosts that you asked for within the last minute:\n", lines,
      "Nothing of this has left the device. To ask for a lesson pass:\n"
      "  schoolgate preview ",
      group, " --ask \"what the lesson needs it for\"\n");
}

PassRequest RequestFrom(const nlohmann::json& answer,
                        const std::string& reason) {
  constexpr size_t kMostHosts = 10;  // the words of a report have a limit
  PassRequest request;
  std::string hosts;
  size_t count = 0;
  for (const auto& one : answer.at("hosts")) {
    if (!one.value("blocked", false) || !one.value("passable", false) ||
        ++count > kMostHosts) {
      continue;
    }
    const std::string host = one.value("host", std::string());
    if (request.host.empty()) request.host = host;
    absl::StrAppend(&hosts, hosts.empty() ? "" : " ", host);
  }
  if (request.host.empty()) return request;
  request.words =
      absl::StrCat("lesson pass for ", answer.value("group", std::string()),
                   ": ", hosts, ": ", reason);
  return request;
}

std::string WhyInWords(const nlohmann::json& answer) {
  const std::string host = Text(answer, "host");
  const std::string action = Text(answer, "action");
  const auto locked = answer.find("locked");
  if (locked != answer.end() && locked->is_boolean() && *locked) {
    return "Stop. This is blocked.\nDo not try again and do not look for it. "
           "Leave the screen as it is and tell a member of staff now.\n";
  }
  std::string words;
  if (action == "block") {
    words = host + " is blocked for you.\n";
  } else if (action == "warn") {
    words = host + " is open to you, with a warning.\n";
  } else if (action == "record") {
    words = host +
            " is open to you. The school keeps a record of contacts "
            "with it.\n";
  } else {
    words = host + " is open to you. No record is kept of it.\n";
  }
  words += Line(Text(answer, "reason"));
  if (const std::string clause = Text(answer, "clause"); !clause.empty()) {
    words += "The school's policy says so: " + clause + "\n";
  }
  if (action == "block") {
    const std::string help = Line(Text(answer, "help"));
    words += help.empty() ? "If you need it, ask a member of staff. If "
                            "something upset you, tell an adult you trust.\n"
                          : help;
    words +=
        "\nIf you landed there by accident, say so: it counts in your "
        "favour.\n  schoolgate report accident " +
        host +
        "\nIf you need it for your work, or this is a mistake:\n"
        "  schoolgate report wrong " +
        host + "\n";
  }
  return words;
}

std::string RulesInWords(const nlohmann::json& answer) {
  std::string words =
      absl::StrCat(Text(answer, "policy"), "\nThese rules hold ",
                   "for you now. Your group: ", Text(answer, "group"), ".\n");
  if (Text(answer, "mode") != "enforce") {
    words += "Nothing is blocked yet: it is only noted what would be.\n";
  }
  const auto kinds = answer.find("kinds");
  for (const auto& [action, title] :
       {std::pair{"block", "Blocked"},
        {"warn", "Open, with a warning"},
        {"record", "Open, and the school keeps a record"},
        {"allow", "Open, and no record is kept"}}) {
    std::string section;
    if (kinds == answer.end() || !kinds->is_array()) break;
    for (const auto& kind : *kinds) {
      if (Text(kind, "action") != action) continue;
      absl::StrAppend(&section, "- ", Text(kind, "title"), ". ",
                      Text(kind, "reason"));
      if (const std::string until = Text(kind, "until"); !until.empty()) {
        absl::StrAppend(&section, " Until ", until, ".");
      }
      section += "\n";
      if (const std::string clause = Text(kind, "clause"); !clause.empty()) {
        absl::StrAppend(&section, "  The school's policy: ", clause, "\n");
      }
    }
    if (!section.empty()) absl::StrAppend(&words, "\n", title, ":\n", section);
  }
  words +=
      "\nWhat you type, read or write is not seen: only which hosts this "
      "device "
      "asks for.\nHelp-lines are always open and never recorded.\n";
  if (const std::string notice = Text(answer, "notice"); !notice.empty()) {
    absl::StrAppend(&words, "\nThe school's notice:\n", notice, "\n");
  }
  words +=
      "\nWhy one host is open or blocked:  schoolgate why HOST\n"
      "What left this device about you:  schoolgate record\n";
  return words;
}

}  // namespace schoolgate::agent
