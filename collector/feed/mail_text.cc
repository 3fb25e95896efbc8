#include "collector/feed/mail_text.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "collector/cases/report_words.h"
#include "proto/seal/keys.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kMostLines = 20;
constexpr absl::Duration kLongWait = absl::Hours(48);

constexpr char kFoot[] =
    "\nThis mail names nobody. Log in to see what it is about.\n"
    "If you did not expect it, tell your school's IT provider.\n";

std::string Alerts(size_t count) {
  return absl::StrCat(count, count == 1 ? " alert" : " alerts");
}

}  // namespace

bool IsUrgent(const v1::Alert& alert) {
  return alert.severity() >= v1::SEVERITY_SERIOUS &&
         alert.state() == v1::ALERT_STATE_NEW;
}

std::string UrgentMark(const v1::Alert& alert) {
  return absl::StrCat(alert.id(), "/", alert.severity());
}

std::string UrgentSubject(std::span<const v1::Alert> alerts) {
  return absl::StrCat("Schoolgate: ", Alerts(alerts.size()), " to look at now");
}

std::string UrgentText(std::span<const v1::Alert> alerts,
                       const std::string& dashboard) {
  std::string text =
      absl::StrCat(alerts.size() == 1 ? "There is " : "There are ",
                   Alerts(alerts.size()), " that should not wait:\n\n");
  for (size_t i = 0; i < std::min(alerts.size(), kMostLines); ++i) {
    absl::StrAppend(&text, "- ", SeverityWords(alerts[i].severity()),
                    ", number ", alerts[i].id(), "\n");
    if (!dashboard.empty()) {
      absl::StrAppend(&text, "  ", dashboard, "/alerts/", alerts[i].id(), "\n");
    }
  }
  if (alerts.size() > kMostLines) {
    absl::StrAppend(&text, "- and ", alerts.size() - kMostLines, " more\n");
  }
  return text + kFoot;
}

std::string DigestSubject(std::span<const v1::Alert> open) {
  return open.empty()
             ? "Schoolgate: nothing is open"
             : absl::StrCat("Schoolgate: ", Alerts(open.size()), " open");
}

std::string DigestText(std::span<const v1::Alert> open, absl::Time now,
                       absl::TimeZone zone, const std::string& dashboard) {
  std::string text =
      absl::StrCat(absl::FormatTime("%A %e %B %Y", now, zone), "\n\n",
                   open.empty() ? "No alert is open.\n" : "Open alerts:\n");
  constexpr std::array kOrder = {v1::SEVERITY_ILLEGAL, v1::SEVERITY_SERIOUS,
                                 v1::SEVERITY_RULE_BREAK, v1::SEVERITY_ROUTINE};
  for (const v1::Severity severity : kOrder) {
    const auto all =
        std::count_if(open.begin(), open.end(),
                      [&](const auto& a) { return a.severity() == severity; });
    const auto fresh =
        std::count_if(open.begin(), open.end(), [&](const auto& a) {
          return a.severity() == severity && a.state() == v1::ALERT_STATE_NEW;
        });
    if (all == 0) continue;
    absl::StrAppend(&text, "- ", SeverityWords(severity), ": ", all, ", ",
                    fresh, " not looked at\n");
  }
  const auto old = std::count_if(open.begin(), open.end(), [&](const auto& a) {
    return absl::FromUnixMicros(a.raised_unix_us()) < now - kLongWait;
  });
  if (old > 0) {
    absl::StrAppend(&text, "\n", old, old == 1 ? " has" : " have",
                    " been open for more than two days.\n");
  }
  if (!dashboard.empty()) absl::StrAppend(&text, "\n", dashboard, "/\n");
  return text + kFoot;
}

std::string MailMessage(const std::string& from, const std::string& to,
                        const std::string& subject, const std::string& text,
                        absl::Time now) {
  const size_t at = from.find('@');
  const std::string domain =
      at == std::string::npos ? "schoolgate" : from.substr(at + 1);
  return absl::StrCat(
      "From: Schoolgate <", from, ">\r\nTo: <", to, ">\r\nSubject: ", subject,
      "\r\nDate: ",
      absl::FormatTime("%a, %d %b %Y %H:%M:%S +0000", now, absl::UTCTimeZone()),
      "\r\nMessage-ID: <", seal::ToHex(seal::RandomBytes(16)), "@", domain,
      ">\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
      "Auto-Submitted: auto-generated\r\n\r\n",
      absl::StrReplaceAll(text, {{"\n", "\r\n"}}));
}

}  // namespace schoolgate::collector
