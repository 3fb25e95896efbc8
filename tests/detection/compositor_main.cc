// A made-up trust at a school's base rate through the real detection: how
// many alerts a safety lead would see, how many of them are true, and how much
// of the misuse is found. What devices grade right and wrong is put in as
// measured by tests/detection/evaluate; how people behave is assumed, in
// one place, below.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
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
  uint64_t seed = 1;
  double found = 0.75;    // deliberate graded opened or attempt
  double alarmed = 1e-4;  // automatic graded so
  double accident_opened = 0.05;
};

struct Case {
  std::string person, category;
  int contacts = 0;
};

class Trust {
 public:
  explicit Trust(const Rates& rates) : rates_(rates), random_(rates.seed) {}

  void Run() {
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
    Print(standing);
  }

 private:
  double Share() { return std::uniform_real_distribution<>(0, 1)(random_); }
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
    double left = Share();
    for (const Mix& mix : kMix) {
      left -= mix.*share;
      if (left < 0) return mix.category;
    }
    return kMix[0].category;
  }

  // Somewhere between nine and half past three.
  absl::Time InLessons(absl::Time day) {
    return day + absl::Hours(9) + absl::Seconds(Share() * 6.5 * 3600);
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

  void Misuse(absl::Time day) {
    Case one{Person(), Category(&Mix::misuse), 0};
    const bool repeats = Share() < kRepeatShare;
    one.contacts = repeats ? 3 + Poisson(2) : 1 + (Share() < 0.3);
    for (int i = 0; i < one.contacts; ++i) {
      const int later = repeats ? static_cast<int>(Share() * 3) : 0;
      if (Share() < rates_.found) {
        Contact(one.person, one.category,
                InLessons(day + absl::Hours(24 * later)), v1::GRADE_OPENED);
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
      const bool opened = Share() < rates_.accident_opened;
      Contact(Person(), Category(&Mix::misuse), InLessons(day),
              opened ? v1::GRADE_OPENED : v1::GRADE_LANDED);
    }
  }

  void Print(const std::map<std::string, Finding>& standing) const {
    std::set<std::pair<std::string, std::string>> misuse, raised;
    for (const Case& one : cases_) misuse.insert({one.person, one.category});
    int alerts = 0, right = 0, serious = 0;
    for (const auto& [key, finding] : standing) {
      if (!finding.subject_is_person) continue;
      ++alerts;
      serious += finding.severity >= v1::SEVERITY_SERIOUS;
      right += misuse.contains({finding.subject, finding.category});
      raised.insert({finding.subject, finding.category});
    }
    int repeated = 0, repeated_found = 0, single = 0, single_found = 0;
    for (const Case& one : cases_) {
      const bool found = raised.contains({one.person, one.category});
      if (one.contacts >= 3) ++repeated, repeated_found += found;
      if (one.contacts == 1 && TierOf(one.category) == Tier::kSerious) {
        ++single, single_found += found;
      }
    }
    const auto share = [](int part, int of) {
      return of == 0 ? 0.0 : static_cast<double>(part) / of;
    };
    const double device_days = rates_.devices / 1000.0 * rates_.days;
    std::printf(
        "{\"alerts_per_1000_devices_day\":%.2f,\"serious_per_day\":%.2f,"
        "\"precision\":%.3f,\"recall_repeated\":%.3f,"
        "\"recall_single_serious\":%.3f,\"alerts\":%d,\"cases\":%zu}\n",
        alerts / device_days, serious / device_days, share(right, alerts),
        share(repeated_found, repeated), share(single_found, single), alerts,
        cases_.size());
  }

  const Rates rates_;
  std::mt19937_64 random_;
  std::vector<StoredEvent> events_;
  std::vector<Case> cases_;
};

}  // namespace
}  // namespace schoolgate::collector

int main(int argc, char** argv) {
  schoolgate::collector::Rates rates;
  CLI::App app("Alerts per 1,000 devices and day at a school's base rate.");
  app.set_version_flag("--version", SCHOOLGATE_VERSION);
  app.add_option("--devices", rates.devices)->check(CLI::Range(1, 100'000));
  app.add_option("--days", rates.days)->check(CLI::Range(1, 1000));
  app.add_option("--seed", rates.seed);
  const auto share = CLI::Range(0.0, 1.0);
  app.add_option("--found", rates.found, "deliberate contacts graded strong")
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
  schoolgate::collector::Trust(rates).Run();
  return 0;
}
