#include "agent/decide/portal_allowance.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"

namespace schoolgate::agent {
namespace {

// Each serves one short word, which says that the way is free.
constexpr std::array<std::string_view, 10> kProbes = {
    "captive.apple.com",
    "conncheck.opensuse.org",
    "connectivity-check.ubuntu.com",
    "connectivitycheck.gstatic.com",
    "detectportal.firefox.com",
    "network-test.debian.org",
    "networkcheck.kde.org",
    "nmcheck.gnome.org",
    "ping.archlinux.org",
    "ping.manjaro.org"};

bool IsProbe(std::string_view host) {
  return std::find(kProbes.begin(), kProbes.end(), host) != kProbes.end();
}

// Nobody has listed the host, and no rule names it.
bool IsForWantOfListing(const rules::Decision& block) {
  return block.action == rules::Action::kBlock && !block.locked &&
         block.rule == "default" && block.categories.empty();
}

rules::Decision Open(std::string_view rule, std::string_view reason) {
  rules::Decision open;
  open.action = rules::Action::kAllow;
  open.rule = std::string(rule);
  open.reason = std::string(reason);
  return open;
}

}  // namespace

bool PortalAllowance::Has(std::string_view host) const {
  return std::find(hosts_.begin(), hosts_.end(), host) != hosts_.end();
}

bool PortalAllowance::Follows(std::string_view host, int64_t boot_us) const {
  return IsProbe(host) || (IsOpen(boot_us) && Has(host));
}

void PortalAllowance::OnRedirect(std::string_view asked, std::string_view to,
                                 int64_t boot_us) {
  if (to.empty() || to == asked || IsProbe(to)) return;
  if (!Follows(asked, boot_us)) return;
  if (!IsOpen(boot_us)) {
    while (!begun_.empty() && boot_us - begun_.front() >= kHourUs) {
      begun_.pop_front();
    }
    if (begun_.size() >= kMostAnHour) return;
    begun_.push_back(boot_us);
    hosts_.clear();
    used_ = false;
  }
  if (hosts_.size() < kMostHosts && !Has(to)) hosts_.emplace_back(to);
}

std::optional<rules::Decision> PortalAllowance::InPlaceOf(
    const rules::Decision& block, std::string_view host, int64_t boot_us,
    absl::Time now) {
  if (!IsForWantOfListing(block)) return std::nullopt;
  if (IsProbe(host)) {
    return Open("captive-portal-probe",
                "By this host the system finds out whether it is online.");
  }
  if (!IsOpen(boot_us) || !Has(host)) return std::nullopt;
  if (!std::exchange(used_, true)) {
    news_ = absl::StrCat(
        "this network has a log-in page, whose host no list holds: it is open "
        "for ",
        kLastsUs / 60'000'000, " minutes, as ", begun_.size(), " of ",
        kMostAnHour, " times within an hour");
  }
  rules::Decision open = Open(
      "captive-portal",
      "The log-in page of the network that this device is in is open for a "
      "few minutes.");
  open.until = now + absl::Microseconds(kLastsUs - (boot_us - begun_.back()));
  return open;
}

std::vector<std::string> PortalAllowance::OpenHosts(int64_t boot_us) const {
  return IsOpen(boot_us) ? hosts_ : std::vector<std::string>();
}

std::optional<std::string> PortalAllowance::TakeNews() {
  return std::exchange(news_, std::nullopt);
}

}  // namespace schoolgate::agent
