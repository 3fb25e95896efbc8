#include "collector/cases/words.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/civil_time.h"

namespace schoolgate::collector {
namespace {

struct CategoryRow {
  std::string_view id, many, one;
};

constexpr auto kCategories = std::to_array<CategoryRow>({
    {"child-abuse", "hosts on the restricted list",
     "a host on the restricted list"},
    {"terrorism", "hosts on the restricted list",
     "a host on the restricted list"},
    {"illegal-adult", "hosts on the restricted list",
     "a host on the restricted list"},
    {"criminal-hate", "hosts on the restricted list",
     "a host on the restricted list"},
    {"adult", "adult sites", "an adult site"},
    {"hate", "sites that spread hate", "a site that spreads hate"},
    {"violence", "violent sites", "a violent site"},
    {"weapons", "weapons sites", "a weapons site"},
    {"self-harm", "sites about self-harm", "a site about self-harm"},
    {"suicide", "sites about suicide", "a site about suicide"},
    {"eating-disorder", "sites that promote eating disorders",
     "a site that promotes eating disorders"},
    {"drugs", "drugs sites", "a drugs site"},
    {"alcohol", "alcohol sites", "an alcohol site"},
    {"misinformation", "sites known for false news",
     "a site known for false news"},
    {"school-concern", "hosts on the school's own list of concern",
     "a host on the school's own list of concern"},
    {"social", "social media services", "a social media service"},
    {"messaging", "messaging services", "a messaging service"},
    {"chat", "chat services", "a chat service"},
    {"dating", "dating sites", "a dating site"},
    {"forums", "forums", "a forum"},
    {"newsgroups", "newsgroups", "a newsgroup"},
    {"anonymous-messaging", "anonymous messaging services",
     "an anonymous messaging service"},
    {"bypass", "filter-bypass services", "a filter-bypass service"},
    {"remote-access", "remote-control services", "a remote-control service"},
    {"file-sharing", "file-sharing sites", "a file-sharing site"},
    {"piracy", "piracy sites", "a piracy site"},
    {"games", "games sites", "a games site"},
    {"video", "video sites", "a video site"},
    {"music-download", "music download sites", "a music download site"},
    {"webmail", "personal e-mail services", "a personal e-mail service"},
    {"ai", "AI services", "an AI service"},
    {"software-download", "software download sites",
     "a software download site"},
    {"video-conference", "video call services", "a video call service"},
    {"bulk-transfer", "large transfers", "a large transfer"},
    {"private-business", "private business sites", "a private business site"},
    {"politics", "political sites", "a political site"},
    {"blogs", "blogs", "a blog"},
    {"gambling", "gambling sites", "a gambling site"},
    {"shopping", "shopping sites", "a shopping site"},
    {"scam", "scam sites", "a scam site"},
    {"phishing", "phishing sites", "a phishing site"},
    {"malware", "sites known for malware", "a site known for malware"},
});

struct KindRow {
  std::string_view kind, words;
};

constexpr auto kTampers = std::to_array<KindRow>({
    {"resolver_changed", "the device's name server was changed"},
    {"hosts_file", "the device's own list of host names was changed"},
    {"clock_step", "the device's clock was changed"},
    {"root_cert", "a new root certificate was installed"},
    {"proxy", "a network proxy was set on the device"},
    {"rules_removed", "the device's blocking rules were removed"},
    {"network_opened",
     "the device's network was open and nothing was filtered"},
    {"agent_killed", "monitoring ended unasked and started again"},
    {"keeper_killed",
     "the program that restarts monitoring was ended by force"},
    {"service_stopped", "monitoring was stopped on the device"},
    {"program_changed", "a program of the monitoring was changed"},
    {"unit_changed", "the way monitoring is started was changed"},
    {"rolled_back", "a new version did not start and the one before runs"},
    {"browser_policy", "the rules of a browser were changed"},
    {"preload", "code was put into every program"},
    {"removal_forced", "monitoring was removed without the school's leave"},
    {"bundle_refused",
     "the device refused rules that were not properly signed"},
    {"rules_damaged", "the rules stored on the device were damaged"},
    {"spool_corrupt", "stored records on the device were damaged"},
    {"unreadable_record", "it sent a record that cannot be read"},
});

const CategoryRow* Find(std::string_view id) {
  auto row = std::find_if(kCategories.begin(), kCategories.end(),
                          [&](const CategoryRow& r) { return r.id == id; });
  return row == kCategories.end() ? nullptr : &*row;
}

std::string Spaced(std::string_view id) {
  return absl::StrReplaceAll(absl::string_view(id.data(), id.size()),
                             {{"-", " "}, {"_", " "}});
}

std::string GroupWord(std::string_view group) {
  if (group == "staff") return "Member of staff";
  if (group == "governor") return "Governor";
  if (group == "volunteer") return "Volunteer";
  if (group == "guest") return "Guest";
  if (group == "contractor") return "Contractor";
  if (group == "community") return "Community user";
  if (group == "ks1" || group == "ks2" || group == "pupils") return "Pupil";
  return "User";
}

}  // namespace

std::string CategoryWords(std::string_view category) {
  const CategoryRow* row = Find(category);
  if (row != nullptr) return std::string(row->many);
  return absl::StrCat("sites of the category ", Spaced(category));
}

std::string OneOfCategory(std::string_view category) {
  const CategoryRow* row = Find(category);
  if (row != nullptr) return std::string(row->one);
  return absl::StrCat("a site of the category ", Spaced(category));
}

std::string Times(uint32_t count) {
  if (count == 1) return "once";
  if (count == 2) return "twice";
  return absl::StrCat(count, " times");
}

std::string Listed(const std::vector<std::string>& items, size_t most) {
  std::string words;
  size_t shown = std::min(items.size(), most);
  for (size_t i = 0; i < shown; ++i) {
    bool last = i + 1 == items.size();
    if (i > 0) words += last ? " and " : ", ";
    words += items[i];
  }
  if (shown < items.size()) {
    absl::StrAppend(&words, " and ", items.size() - shown, " more");
  }
  return words;
}

std::string When(absl::Time first, absl::Time last, absl::TimeZone zone) {
  std::string from = absl::FormatTime("%H:%M", first, zone);
  std::string to = absl::FormatTime("%H:%M", last, zone);
  std::string first_day = absl::FormatTime("%A %-d %B %Y", first, zone);
  std::string last_day = absl::FormatTime("%A %-d %B %Y", last, zone);
  if (first_day != last_day) {
    return absl::StrCat("between ", from, " on ", first_day, " and ", to,
                        " on ", last_day);
  }
  if (from == to) return absl::StrCat("at ", from, " on ", first_day);
  return absl::StrCat("between ", from, " and ", to, " on ", first_day);
}

std::string Who(const v1::Alert& alert, bool is_person) {
  std::string device =
      alert.device_name().empty() ? alert.device() : alert.device_name();
  if (!is_person) return absl::StrCat("Somebody on ", device);
  return absl::StrCat(GroupWord(alert.group()), " ", alert.subject());
}

std::string GroupName(std::string_view group) {
  constexpr auto names =
      std::to_array<KindRow>({{"staff", "Staff"},
                              {"ks1", "Key Stage 1"},
                              {"ks2", "Key Stage 2"},
                              {"pupils", "Pupils"},
                              {"governor", "Governors"},
                              {"volunteer", "Volunteers"},
                              {"guest", "Guests"},
                              {"contractor", "Contractors"},
                              {"community", "Community users"},
                              {"unknown", "Not known"}});
  for (const KindRow& row : names) {
    if (row.kind == group) return std::string(row.words);
  }
  return Spaced(group);
}

bool IsStaffGroup(std::string_view group) {
  return group == "staff" || group == "governor" || group == "volunteer" ||
         group == "contractor";
}

std::string TamperWords(std::string_view kind) {
  for (const KindRow& row : kTampers) {
    if (row.kind == kind) return std::string(row.words);
  }
  return Spaced(kind);
}

}  // namespace schoolgate::collector
