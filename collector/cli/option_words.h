// What is written behind the verbs' options, judged before anything is done: a
// mistake here is wrong usage. The checks are for CLI::Option::check and
// return what is wrong, or nothing.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace schoolgate::collector {

// When something made at `now` shall end: "14d", "36h"; an instant of RFC
// 3339; or a day, which is over at its end in `zone`. INVALID_ARGUMENT: none of
// these, over already, or more than a year away.
absl::StatusOr<absl::Time> ReadEnd(const std::string& text, absl::Time now,
                                   absl::TimeZone zone);

// ReadEnd from now on, where this machine stands.
std::string CheckEnd(const std::string& text);

// "30m", "2h": at most two weeks, as a ring of a release may last.
std::string CheckRingTime(const std::string& text);

// "2026-09-01".
std::string CheckDay(const std::string& text);

// "0.0.0.0:4780"; nothing is good, too.
std::string CheckAddress(const std::string& text);

// "collector.oak.example:4780", as devices are to reach it.
std::string CheckCollectorAddress(const std::string& text);

// "collector.oak.example", "192.0.2.7": what a certificate is made for.
std::string CheckOwnName(const std::string& text);

// Who gets a share of the key to names: nobody named, or two with good names.
std::string CheckHolders(const std::vector<std::string>& names);

// A report is FILE.csv, FILE.html or FILE.htm, or "-".
std::string CheckReportFile(const std::string& text);
bool IsCsv(const std::string& file);

// Standard output, where a file may be named.
inline constexpr char kStandardOutput[] = "-";

}  // namespace schoolgate::collector
