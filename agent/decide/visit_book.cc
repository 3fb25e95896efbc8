#include "agent/decide/visit_book.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace schoolgate::agent {
namespace {

constexpr int64_t kMinuteUs = 60'000'000;
constexpr int64_t kNoLimitUs = INT64_MAX / 4;

}  // namespace

VisitBook::VisitBook() {
  ended_.action = rules::Action::kBlock;
  ended_.rule = "session";
  ended_.reason =
      "Your time on this computer is over. Log out now; whoever needs longer "
      "asks a member of staff.";
}

void VisitBook::SetPolicy(const v1::CompiledPolicy& policy) {
  limits_.clear();
  for (const v1::PolicyGroup& group : policy.groups()) {
    if (group.session_minutes() > 0) {
      limits_.emplace_back(group.id(), group.session_minutes() * kMinuteUs);
    } else if (!group.personal_history()) {
      limits_.emplace_back(group.id(), kNoLimitUs);
    }
  }
}

int64_t VisitBook::LimitUs(const std::string& group) const {
  for (const auto& [limited, limit_us] : limits_) {
    if (limited == group) return limit_us;
  }
  return 0;
}

bool VisitBook::IsOver(const Who& who, int64_t boot_us) {
  const int64_t limit_us = LimitUs(who.group);
  if (limit_us == 0 || who.system || who.uid < kFirstPersonUid ||
      who.uid == platform::kNoUid) {
    return false;
  }
  auto visit = visits_.find(who.uid);
  if (visit == visits_.end()) {
    if (visits_.size() >= kMostVisits) {
      visits_.erase(std::min_element(
          visits_.begin(), visits_.end(), [](const auto& a, const auto& b) {
            return a.second.begun_us < b.second.begun_us;
          }));
      ++forgotten_;
    }
    visit =
        visits_.emplace(who.uid, Visit{who.login, who.group, boot_us}).first;
  }
  return boot_us - visit->second.begun_us >= limit_us;
}

std::optional<absl::Duration> VisitBook::Left(const Who& who,
                                              int64_t boot_us) const {
  const auto visit = visits_.find(who.uid);
  const int64_t limit_us = LimitUs(who.group);
  if (limit_us == 0 || limit_us == kNoLimitUs || visit == visits_.end()) {
    return std::nullopt;
  }
  return absl::Microseconds(
      std::max<int64_t>(0, visit->second.begun_us + limit_us - boot_us));
}

std::vector<VisitNews> VisitBook::Tick(int64_t boot_us,
                                       const IsLoggedIn& is_logged_in) {
  std::vector<VisitNews> news;
  for (auto entry = visits_.begin(); entry != visits_.end();) {
    auto& [uid, visit] = *entry;
    const int64_t limit_us = LimitUs(visit.group);
    const bool gone = visit.logged_in && is_logged_in(uid) == false;
    if (limit_us == 0 || gone) {
      news.push_back({uid, visit.login, VisitNews::Kind::kLeft, {}});
      entry = visits_.erase(entry);
      continue;
    }
    visit.logged_in = visit.logged_in || is_logged_in(uid) == true;
    const absl::Duration left =
        absl::Microseconds(visit.begun_us + limit_us - boot_us);
    const int due = left <= absl::ZeroDuration() ? 3
                    : left <= kToldBefore        ? 2
                                                 : 1;
    if (visit.told < due) {
      visit.told = due;
      news.push_back({uid, visit.login,
                      due == 3   ? VisitNews::Kind::kOver
                      : due == 2 ? VisitNews::Kind::kEndsSoon
                                 : VisitNews::Kind::kBegun,
                      left});
    }
    ++entry;
  }
  return news;
}

std::string VisitBook::Written() const {
  nlohmann::json all = nlohmann::json::array();
  for (const auto& [uid, visit] : visits_) {
    all.push_back({uid, visit.login, visit.group, visit.begun_us, visit.told});
  }
  return all.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void VisitBook::TakeUp(const std::string& written) {
  const auto all = nlohmann::json::parse(written, nullptr, false);
  if (!all.is_array()) return;
  for (const nlohmann::json& one : all) {
    if (!one.is_array() || one.size() != 5 || !one[0].is_number_unsigned() ||
        !one[1].is_string() || !one[2].is_string() ||
        !one[3].is_number_integer() || !one[4].is_number_integer() ||
        visits_.size() >= kMostVisits) {
      continue;
    }
    visits_[one[0].get<uint32_t>()] = {
        one[1].get<std::string>(), one[2].get<std::string>(),
        one[3].get<int64_t>(), one[4].get<int>()};
  }
}

}  // namespace schoolgate::agent
