#include "agent/decide/name_shapes.h"

#include <algorithm>
#include <functional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/decide/episode_service.h"
#include "agent/decide/recent_map.h"

namespace schoolgate::agent {
namespace {

constexpr size_t kLeastLabel = 9;
constexpr size_t kLongPrefix = 40;  // bytes below the site
constexpr size_t kMostFound = 8;

// Virus scanners ask their makers about files in the same way.
constexpr std::string_view kScanners[] = {
    "sophosxl.net",  "mcafee.com", "trendmicro.com", "e5.sk",
    "kaspersky.com", "avast.com",  "webcfs03.com",   "sophosxl.com"};

bool IsScanner(std::string_view site) {
  return std::find(std::begin(kScanners), std::end(kScanners), site) !=
         std::end(kScanners);
}

uint64_t HashOf(std::string_view text) {
  return std::hash<std::string_view>()(text);
}

bool IsVowel(char c) {
  return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u' || c == 'y';
}

// How a label runs: the longest run of consonants, changes between letters and
// digits, vowels.
struct Course {
  size_t letters = 0, vowels = 0, digits = 0, changes = 0, run = 0;
};

Course CourseOf(std::string_view label) {
  Course course;
  size_t run = 0;
  for (size_t i = 0; i < label.size(); ++i) {
    const char c = label[i];
    const bool digit = absl::ascii_isdigit(static_cast<unsigned char>(c));
    const bool letter = c >= 'a' && c <= 'z';
    course.digits += digit;
    course.letters += letter;
    course.vowels += letter && IsVowel(c);
    run = letter && !IsVowel(c) ? run + 1 : 0;
    course.run = std::max(course.run, run);
    if (i > 0) {
      const bool before =
          absl::ascii_isdigit(static_cast<unsigned char>(label[i - 1]));
      course.changes += digit != before;
    }
  }
  return course;
}

}  // namespace

bool LooksMadeUp(std::string_view site) {
  const std::string_view label = site.substr(0, site.find('.'));
  if (label.size() < kLeastLabel || label.starts_with("xn--") ||
      label.find('-') != std::string_view::npos) {
    return false;
  }
  const Course course = CourseOf(label);
  if (course.changes >= 4) return true;  // "a7f3q9x2"
  if (course.digits > 0) return false;
  // "xkqjzpvtwrml", "tlfwbqkshmv": in English one letter in three is a vowel.
  return course.run >= 6 ||
         (course.run >= 5 && course.vowels * 4 < label.size()) ||
         (label.size() >= 12 && course.vowels * 6 < label.size());
}

void NameShapes::OnQuestion(std::string_view name, int64_t time_us) {
  const std::string_view site = SiteOf(name);
  if (site.find('.') == std::string_view::npos || site.ends_with(".arpa") ||
      site.ends_with(".local")) {
    return;
  }
  if (LooksMadeUp(site)) NoteRandom(site, time_us);
  if (name.size() >= site.size() + kLongPrefix && !IsScanner(site)) {
    NoteLong(name, site, time_us);
  }
}

void NameShapes::NoteRandom(std::string_view site, int64_t time_us) {
  std::erase_if(random_, [&](const auto& one) {
    return IsOlder(one.first, time_us, kWindowUs);
  });
  if (random_.size() >= kMostRandomSites) random_.pop_front();
  const uint64_t hash = HashOf(site);
  if (std::any_of(random_.begin(), random_.end(),
                  [&](const auto& one) { return one.second == hash; })) {
    return;
  }
  random_.emplace_back(time_us, hash);
  if (random_.size() < kRandomSites) return;
  if (told_random_us_ != 0 && !IsOlder(told_random_us_, time_us, kQuietUs)) {
    return;
  }
  told_random_us_ = time_us;
  if (found_.size() == kMostFound) found_.pop_front();
  found_.push_back(
      {"random_names",
       absl::StrCat(random_.size(), " made-up names within 10 minutes")});
}

void NameShapes::NoteLong(std::string_view name, std::string_view site,
                          int64_t time_us) {
  const uint64_t hash = HashOf(site);
  auto zone = std::find_if(zones_.begin(), zones_.end(),
                           [&](const Zone& one) { return one.site == hash; });
  if (zone == zones_.end()) {
    if (zones_.size() == kMostZones) zones_.pop_front();
    zones_.push_back({.site = hash, .begun_us = time_us});
    zone = zones_.end() - 1;
  }
  if (IsOlder(zone->begun_us, time_us, kWindowUs)) {
    zone->begun_us = time_us;
    zone->bytes = 0;
    zone->names.clear();
  }
  const uint64_t whole = HashOf(name);
  if (zone->names.size() >= kLongNames ||
      std::find(zone->names.begin(), zone->names.end(), whole) !=
          zone->names.end()) {
    return;
  }
  zone->names.push_back(whole);
  zone->bytes += name.size() - site.size();
  if (zone->names.size() < kLongNames && zone->bytes < kLongBytes) return;
  if (zone->names.size() < kLongNames / 2) return;
  if (zone->told_us != 0 && !IsOlder(zone->told_us, time_us, kQuietUs)) return;
  zone->told_us = time_us;
  if (found_.size() == kMostFound) found_.pop_front();
  found_.push_back(
      {"name_tunnel",
       absl::StrCat(zone->names.size(), " long names below one site, ",
                    zone->bytes, " bytes, within 10 minutes")});
}

std::optional<OddNames> NameShapes::Take() {
  if (found_.empty()) return std::nullopt;
  OddNames one = std::move(found_.front());
  found_.pop_front();
  return one;
}

}  // namespace schoolgate::agent
