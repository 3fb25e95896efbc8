// A made-up trust at a school's base rate through the real detection: how
// many alerts a safety lead would see, how many of them are true, and how much
// of the misuse is found. What devices grade right and wrong is put in as
// measured by tests/detection/evaluate; how people behave is assumed, in
// one place, below.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "collector/detect/detector.h"
#include "collector/detect/tier.h"

namespace schoolgate::collector {
namespace {

// For 1,000 devices and a school day.
constexpr double kAutomaticContacts = 45'000;
constexpr double kMisuseCases = 7;     // person and category that begin a day
constexpr double kAccidents = 26;      // landings: 5 in 10,000 page loads
constexpr double kRepeatShare = 0.41;  // cases with three or more contacts
constexpr double kPeoplePerDevice = 1;

struct Mix {
  const char* category;
  double automatic, misuse;
};
// Shares: what pages embed is mostly social and video; what people do.
constexpr Mix kMix[] = {{"social", 0.56, 0.30},   {"video", 0.22, 0.20},
                        {"games", 0.08, 0.18},    {"shopping", 0.09, 0.12},
                        {"gambling", 0.03, 0.06}, {"adult", 0.01, 0.06},
                        {"bypass", 0.005, 0.06},  {"self-harm", 0.005, 0.02}};

struct Rates {
  int devices = 1000, days = 20;
  int trusts = 1;  // independent ones, for tighter intervals
  uint64_t seed = 1;
  double found = 0.75;        // deliberate graded opened or attempt
  double found_serious = -1;  // the same in serious categories; -1: as found
  double landed = 0;          // of the deliberate that were not found
  double alarmed = 1e-4;      // automatic graded so
  double accident_opened = 0.05;
};

struct Case {
  std::string person, category;
  absl::Time begin;
  int contacts = 0;
};

// A part of a whole, with its Wilson 95 % interval.
struct Share {
  int part = 0, of = 0;

  void Add(bool in) { ++of, part += in; }
  double value() const {
    return of == 0 ? 0.0 : static_cast<double>(part) / of;
  }
  std::string Interval() const {
    if (of == 0) return "[0.000,1.000]";
    constexpr double kZ = 1.959964;
    const double n = of, p = value(), scale = 1 + kZ * kZ / n;
    const double centre = (p + kZ * kZ / (2 * n)) / scale;
    const double half =
        kZ * std::sqrt(p * (1 - p) / n + kZ * kZ / (4 * n * n)) / scale;
    return absl::StrFormat("[%.3f,%.3f]", std::max(0.0, centre - half),
                           std::min(1.0, centre + half));
  }
};

struct Result {
  Share precision, repeated, single_serious;
  Share repeated_alerted;  // the same, told by an alert and not in the digest
  int serious = 0, routine = 0, cases = 0;
  int in_digest = 0, false_in_digest = 0;
  int told_twice = 0;  // cases with more than one alert
};

class Trust {
 public:
  Trust(const Rates& rates, uint64_t seed) : rates_(rates), random_(seed) {}

  void Run(Result& result) {
    for (int day = 0, weekday = 0; day < rates_.days; ++weekday) {
      if (weekday % 7 >= 5) continue;
      Day(absl::FromUnixSeconds(1'795'392'000) + absl::Hours(24 * weekday));
      ++day;
    }
    std::shuffle(events_.begin(), events_.end(), random_);
    Detector detector;
    std::map<std::string, Finding> standing;
    for (const Finding& finding :
         detector.OnEvents(events_, absl::FromUnixSeconds(1'795'392'000))) {
      standing[absl::StrCat(finding.key, absl::FormatTime(finding.first))] =
          finding;
    }
    Count(standing, result);
  }

 private:
  double Dice() { return std::uniform_real_distribution<>(0, 1)(random_); }
  int Poisson(double mean) {
    return std::poisson_distribution<>(mean)(random_);
  }
  std::string Person() {
    const int people =
        std::max(1, static_cast<int>(rates_.devices * kPeoplePerDevice));
    return absl::StrCat("P-",
                        std::uniform_int_distribution<>(1, people)(random_));
  }

  const char* Category(double Mix::*share) {
    double left = Dice();
    for (const Mix& mix : kMix) {
      left -= mix.*share;
      if (left < 0) return mix.category;
    }
    return kMix[0].category;
  }

  // Somewhere between nine and half past three.
  absl::Time InLessons(absl::Time day) {
    return day + absl::Hours(9) + absl::Seconds(Dice() * 6.5 * 3600);
  }

  void Contact(const std::string& person, const std::string& category,
               absl::Time time, v1::Grade grade) {
    StoredEvent stored;
    stored.school = "oak";
    stored.device = absl::StrCat("D", person);
    stored.epoch = 1;
    stored.happened = stored.received = time;
    stored.event.set_sequence(events_.size() + 1);
    stored.event.set_time_unix_us(absl::ToUnixMicros(time));
    stored.event.mutable_person()->set_pseudonym(person);
    stored.event.mutable_person()->set_confidence(v1::CONFIDENCE_CERTAIN);
    v1::Episode& episode = *stored.event.mutable_episode();
    episode.set_service(absl::StrCat(
        category, std::uniform_int_distribution<>(0, 40)(random_), ".test"));
    episode.set_category(category);
    episode.set_grade(grade);
    episode.set_start_unix_us(absl::ToUnixMicros(time));
    episode.set_end_unix_us(absl::ToUnixMicros(time) + 60'000'000);
    events_.push_back(std::move(stored));
  }

  double FoundRate(const std::string& category) const {
    return rates_.found_serious >= 0 && TierOf(category) == Tier::kSerious
               ? rates_.found_serious
               : rates_.found;
  }

  void Misuse(absl::Time day) {
    Case one{Person(), Category(&Mix::misuse), day, 0};
    const bool repeats = Dice() < kRepeatShare;
    one.contacts = repeats ? 3 + Poisson(2) : 1 + (Dice() < 0.3);
    for (int i = 0; i < one.contacts; ++i) {
      const int later = repeats ? static_cast<int>(Dice() * 3) : 0;
      const double found = FoundRate(one.category);
      const double dice = Dice();
      if (dice < found + (1 - found) * rates_.landed) {
        Contact(one.person, one.category,
                InLessons(day + absl::Hours(24 * later)),
                dice < found ? v1::GRADE_OPENED : v1::GRADE_LANDED);
      }
    }
    cases_.push_back(one);
  }

  void Day(absl::Time day) {
    const double scale = rates_.devices / 1000.0;
    for (int i = Poisson(kMisuseCases * scale); i > 0; --i) Misuse(day);
    const double alarms = kAutomaticContacts * scale * rates_.alarmed;
    for (int i = Poisson(alarms); i > 0; --i) {
      Contact(Person(), Category(&Mix::automatic), InLessons(day),
              v1::GRADE_OPENED);
    }
    for (int i = Poisson(kAccidents * scale); i > 0; --i) {
      const bool opened = Dice() < rates_.accident_opened;
      Contact(Person(), Category(&Mix::misuse), InLessons(day),
              opened ? v1::GRADE_OPENED : v1::GRADE_LANDED);
    }
  }

  // An alert is about a case when it speaks of that person and category
  // between the case's first day and the fourth after it.
  static bool IsAbout(const Finding& finding, const Case& one) {
    return finding.subject == one.person && finding.category == one.category &&
           finding.last >= one.begin &&
           finding.first <= one.begin + absl::Hours(24 * 4);
  }

  void Count(const std::map<std::string, Finding>& standing,
             Result& result) const {
    std::map<std::string, std::vector<const Finding*>> raised;
    std::map<std::string, std::vector<const Case*>> cases;
    for (const Case& one : cases_) cases[one.person].push_back(&one);
    for (const auto& [key, finding] : standing) {
      if (!finding.subject_is_person) continue;
      raised[finding.subject].push_back(&finding);
      const auto& of_person = cases[finding.subject];
      const bool is_true =
          std::any_of(of_person.begin(), of_person.end(),
                      [&](const Case* one) { return IsAbout(finding, *one); });
      if (finding.rule == kThinPattern) {
        ++result.in_digest;
        result.false_in_digest += !is_true;
        continue;
      }
      result.serious += finding.severity >= v1::SEVERITY_SERIOUS;
      result.routine += finding.severity <= v1::SEVERITY_ROUTINE;
      result.precision.Add(is_true);
    }
    for (const Case& one : cases_) {
      const auto& about = raised[one.person];
      const auto alerts = std::count_if(
          about.begin(), about.end(),
          [&](const Finding* finding) { return IsAbout(*finding, one); });
      const bool found = alerts > 0;
      result.told_twice += alerts > 1;
      if (one.contacts >= 3) {
        result.repeated.Add(found);
        result.repeated_alerted.Add(
            std::any_of(about.begin(), about.end(), [&](const Finding* told) {
              return IsAbout(*told, one) && told->rule != kThinPattern;
            }));
      }
      if (one.contacts == 1 && TierOf(one.category) == Tier::kSerious) {
        result.single_serious.Add(found);
      }
    }
    result.cases += static_cast<int>(cases_.size());
  }

  const Rates rates_;
  std::mt19937_64 random_;
  std::vector<StoredEvent> events_;
  std::vector<Case> cases_;
};

void Print(const Rates& rates, const Result& result) {
  const double device_days = rates.devices / 1000.0 * rates.days * rates.trusts;
  const double alerts = result.precision.of;
  const double spread = 1.959964 * std::sqrt(alerts);  // alerts come singly
  std::printf(
      "{\"alerts_per_1000_devices_day\":%.2f,"
      "\"alerts_interval\":[%.3f,%.3f],\"serious_per_day\":%.2f,"
      "\"routine_per_day\":%.2f,\"told_twice_per_day\":%.2f,"
      "\"precision\":%.3f,\"precision_interval\":%s,"
      "\"in_digest_per_day\":%.2f,\"false_in_digest_per_day\":%.3f,"
      "\"recall_repeated\":%.3f,\"recall_repeated_interval\":%s,"
      "\"recall_repeated_by_alert\":%.3f,"
      "\"recall_repeated_by_alert_interval\":%s,"
      "\"recall_single_serious\":%.3f,"
      "\"recall_single_serious_interval\":%s,"
      "\"single_serious\":%d,\"alerts\":%d,\"cases\":%d}\n",
      alerts / device_days, (alerts - spread) / device_days,
      (alerts + spread) / device_days, result.serious / device_days,
      result.routine / device_days, result.told_twice / device_days,
      result.precision.value(), result.precision.Interval().c_str(),
      result.in_digest / device_days, result.false_in_digest / device_days,
      result.repeated.value(), result.repeated.Interval().c_str(),
      result.repeated_alerted.value(),
      result.repeated_alerted.Interval().c_str(), result.single_serious.value(),
      result.single_serious.Interval().c_str(), result.single_serious.of,
      result.precision.of, result.cases);
}

}  // namespace
}  // namespace schoolgate::collector

int main(int argc, char** argv) {
  schoolgate::collector::Rates rates;
  CLI::App app("Alerts per 1,000 devices and day at a school's base rate.");
  app.set_version_flag("--version", SCHOOLGATE_VERSION);
  app.add_option("--devices", rates.devices)->check(CLI::Range(1, 100'000));
  app.add_option("--days", rates.days)->check(CLI::Range(1, 1000));
  app.add_option("--trusts", rates.trusts, "independent ones, added up")
      ->check(CLI::Range(1, 10'000));
  app.add_option("--seed", rates.seed);
  const auto share = CLI::Range(0.0, 1.0);
  app.add_option("--found", rates.found, "deliberate contacts graded strong")
      ->check(share);
  app.add_option("--found-serious", rates.found_serious,
                 "the same in serious categories (default: as --found)")
      ->check(share);
  app.add_option("--landed", rates.landed,
                 "of the deliberate contacts that are not: graded landed")
      ->check(share);
  app.add_option("--alarmed", rates.alarmed,
                 "automatic contacts graded opened or attempt")
      ->check(share);
  app.add_option("--accident-opened", rates.accident_opened,
                 "accidental landings graded opened")
      ->check(share);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  schoolgate::collector::Result result;
  for (int trust = 0; trust < rates.trusts; ++trust) {
    schoolgate::collector::Trust(rates, rates.seed + trust).Run(result);
  }
  schoolgate::collector::Print(rates, result);
  return 0;
}
