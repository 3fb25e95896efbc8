#include "rules/vital_hosts.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "rules/decide.h"

namespace schoolgate::rules {
namespace {

constexpr std::array<std::string_view, 24> kVital = {
    // Log-in
    "login.microsoftonline.com", "login.live.com", "login.windows.net",
    "login.microsoft.com", "aadcdn.msauth.net", "accounts.google.com",
    "oauth2.googleapis.com", "www.googleapis.com", "appleid.apple.com",
    "idmsa.apple.com",
    // Updates
    "windowsupdate.microsoft.com", "update.microsoft.com",
    "download.windowsupdate.com", "definitionupdates.microsoft.com",
    "deb.debian.org", "security.debian.org", "archive.ubuntu.com",
    "security.ubuntu.com", "update.googleapis.com", "clients2.google.com",
    "aus5.mozilla.org", "swscan.apple.com", "mesu.apple.com",
    // Certificates
    "ocsp.digicert.com"};

constexpr size_t kMostNamed = 3;

bool Blocks(const Ruleset& rules, std::string_view host,
            const std::string& group, absl::Time now, std::string* rule) {
  const Decision decision =
      Decide(rules, {.host = host, .group = group, .at = now});
  *rule = decision.rule;
  return decision.action == Action::kBlock;
}

bool NamedOnPurpose(const Ruleset& rules, const std::string& rule) {
  const auto& named = rules.policy().host_rules();
  return std::any_of(
      named.begin(), named.end(),
      [&](const v1::PolicyRule& one) { return one.id() == rule; });
}

}  // namespace

std::span<const std::string_view> VitalHosts() { return kVital; }

std::string BrokenVitalHosts(const Ruleset& before, const Ruleset& after,
                             absl::Time now) {
  std::string words;
  size_t broken = 0;
  for (const std::string_view host : kVital) {
    for (const v1::PolicyGroup& named : before.policy().groups()) {
      const std::string& group = named.id();
      std::string rule;
      if (Blocks(before, host, group, now, &rule)) continue;
      if (!Blocks(after, host, group, now, &rule)) continue;
      if (NamedOnPurpose(after, rule)) continue;
      if (++broken <= kMostNamed) {
        absl::StrAppend(&words, words.empty() ? "blocks " : ", ",
                        std::string(host), " for ", group);
      }
      break;  // one group is reason enough
    }
  }
  if (broken > kMostNamed) {
    absl::StrAppend(&words, " and ", broken - kMostNamed, " more");
  }
  return words;
}

}  // namespace schoolgate::rules
