// A hotspot's log-in page ("captive portal"). Whoever may reach only what is
// on the allow-list could never log in there, and so never be online: the
// page's host is open to them for a few minutes.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "rules/decide.h"

namespace schoolgate::agent {

// Not thread-safe. `boot_us` is the time since boot: setting the clock
// prolongs nothing.
//
// A network says by itself that it has such a page, and anybody can run one.
// So little is opened: hosts that are blocked for no other reason than that no
// list holds them; a few, for a few minutes, a few times an hour; and the
// school is told.
class PortalAllowance {
 public:
  static constexpr int64_t kLastsUs = 300'000'000;
  static constexpr size_t kMostHosts = 8;
  static constexpr size_t kMostAnHour = 3;

  // Whether the answer to a request for this host may tell of such a page:
  // the names that systems and browsers ask in order to find one, and the
  // pages that are open now.
  bool Follows(std::string_view host, int64_t boot_us) const;

  // A server that was asked for `asked` sends its asker on to `to`.
  void OnRedirect(std::string_view asked, std::string_view to, int64_t boot_us);

  // What holds in place of this block of `host`; nothing when the block
  // stands.
  std::optional<rules::Decision> InPlaceOf(const rules::Decision& block,
                                           std::string_view host,
                                           int64_t boot_us, absl::Time now);

  // Hosts that are open now.
  std::vector<std::string> OpenHosts(int64_t boot_us) const;

  // Once for each allowance that opened something, in words that name no
  // host: where somebody is, is not the school's business.
  std::optional<std::string> TakeNews();

 private:
  static constexpr int64_t kHourUs = 3'600'000'000;

  bool IsOpen(int64_t boot_us) const {
    return !hosts_.empty() && boot_us >= begun_.back() &&
           boot_us - begun_.back() < kLastsUs;
  }
  bool Has(std::string_view host) const;

  std::vector<std::string> hosts_;  // of the last allowance
  std::deque<int64_t> begun_;       // within the last hour, oldest first
  bool used_ = false;
  std::optional<std::string> news_;
};

}  // namespace schoolgate::agent
