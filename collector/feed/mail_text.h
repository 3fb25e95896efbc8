// What stands in a mail: numbers and links. Mail lies about in the clear, so
// no person, alias, host, device or kind of site is ever in one.
#pragma once

#include <span>
#include <string>

#include "absl/time/time.h"
#include "proto/alert.pb.h"

namespace schoolgate::collector {

// New, and serious or worse: somebody should look now.
bool IsUrgent(const v1::Alert& alert);
// Told once for each severity that it rises to.
std::string UrgentMark(const v1::Alert& alert);

std::string UrgentSubject(std::span<const v1::Alert> alerts);
std::string UrgentText(std::span<const v1::Alert> alerts,
                       const std::string& dashboard);

// `open`: the alerts that are not closed and that the reader may see.
std::string DigestSubject(std::span<const v1::Alert> open);
std::string DigestText(std::span<const v1::Alert> open, absl::Time now,
                       absl::TimeZone zone, const std::string& dashboard);

// RFC 5322, plain text, lines ended by CR LF. `text` has lines ended by LF.
std::string MailMessage(const std::string& from, const std::string& to,
                        const std::string& subject, const std::string& text,
                        absl::Time now);

}  // namespace schoolgate::collector
