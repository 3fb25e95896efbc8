#include "collector/cases/precision.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "absl/strings/str_cat.h"
#include "collector/detect/finding.h"
#include "collector/detect/tier.h"

namespace schoolgate::collector {
namespace {

constexpr double kNormal95 = 1.959964;

void PutInterval(KindPrecision* one) {
  const auto n = static_cast<double>(one->right + one->wrong);
  if (n == 0) return;
  const double p = static_cast<double>(one->right) / n;
  const double z2 = kNormal95 * kNormal95;
  const double middle = (p + z2 / (2 * n)) / (1 + z2 / n);
  const double half =
      kNormal95 * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n);
  one->low = std::max(0.0, middle - half);
  one->high = std::min(1.0, middle + half);
}

}  // namespace

std::string KindOf(const v1::Alert& alert) {
  return absl::StrCat(alert.rule(), "/", alert.category());
}

bool MayWait(const v1::Alert& alert) {
  return alert.severity() != v1::SEVERITY_ILLEGAL &&
         alert.rule() != "restricted_list" && !IsWelfare(alert.category());
}

std::vector<KindPrecision> PrecisionOf(std::span<const v1::Alert> alerts) {
  std::map<std::string, KindPrecision> kinds;
  std::map<std::string, int64_t> newest;
  for (const v1::Alert& alert : alerts) {
    const std::string kind = KindOf(alert);
    KindPrecision& one = kinds[kind];
    one.kind = kind;
    one.may_wait &= MayWait(alert);
    ++one.alerts;
    if (alert.raised_unix_us() >= newest[kind]) {
      newest[kind] = alert.raised_unix_us();
      one.title = alert.title();
    }
    // Withdrawn by the program itself: nobody has judged it.
    const std::string& outcome = alert.incident().outcome();
    if (alert.state() != v1::ALERT_STATE_CLOSED || outcome.empty()) continue;
    ++(outcome == "false_alarm" ? one.wrong : one.right);
  }
  std::vector<KindPrecision> all;
  for (auto& [kind, one] : kinds) {
    PutInterval(&one);
    all.push_back(std::move(one));
  }
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.alerts > b.alerts;
  });
  return all;
}

bool WaitsByItself(std::string_view kind) {
  return kind.substr(0, kind.find('/')) == kThinPattern;
}

namespace {

// Of the kinds that are agreed on, without an alert at hand.
bool KindMayWait(std::string_view kind) {
  v1::Alert alert;
  const size_t slash = std::min(kind.find('/'), kind.size());
  alert.set_rule(std::string(kind.substr(0, slash)));
  alert.set_category(
      std::string(kind.substr(std::min(slash + 1, kind.size()))));
  return MayWait(alert);
}

}  // namespace

DigestKinds KindsInDigest(AgreementStore* store, const std::string& school) {
  DigestKinds kinds;
  if (store == nullptr) return kinds;
  const auto all = store->Agreements(school);
  if (!all.ok()) return kinds;
  for (const DigestAgreement& one : *all) {
    // Agreed on before such kinds were refused.
    if (one.in_digest && !KindMayWait(one.kind)) continue;
    if (one.in_digest) {
      kinds.in_digest.push_back(one.kind);
    } else if (WaitsByItself(one.kind)) {
      kinds.in_list.push_back(one.kind);
    }
  }
  return kinds;
}

bool WaitsForDigest(const v1::Alert& alert, const DigestKinds& kinds) {
  if (!MayWait(alert)) return false;
  const std::string kind = KindOf(alert);
  const auto in = [&](const std::vector<std::string>& those) {
    return std::find(those.begin(), those.end(), kind) != those.end();
  };
  return in(kinds.in_digest) || (WaitsByItself(kind) && !in(kinds.in_list));
}

}  // namespace schoolgate::collector
