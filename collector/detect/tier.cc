#include "collector/detect/tier.h"

#include <algorithm>
#include <array>
#include <span>

namespace schoolgate::collector {
namespace {

// Harmful hosts are the IT provider's business: who meets one is a victim.
constexpr auto kNever = std::to_array<std::string_view>(
    {"search", "news", "education", "helpline", "update", "games-educational",
     "video-conference", "malware", "phishing", "scam"});
constexpr auto kWelfare = std::to_array<std::string_view>(
    {"self-harm", "suicide", "eating-disorder"});
constexpr auto kSeriousIds = std::to_array<std::string_view>(
    {"adult", "hate", "violence", "self-harm", "suicide", "eating-disorder"});
constexpr auto kRuleBreakIds = std::to_array<std::string_view>(
    {"gambling", "file-sharing", "piracy", "bypass", "weapons", "drugs",
     "dating", "anonymous-messaging", "remote-access"});
constexpr auto kLocked = std::to_array<std::string_view>(
    {"child-abuse", "terrorism", "illegal-adult", "criminal-hate"});

bool In(std::span<const std::string_view> ids, std::string_view id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

}  // namespace

Tier TierOf(std::string_view category) {
  if (In(kLocked, category)) return Tier::kIllegal;
  if (In(kSeriousIds, category)) return Tier::kSerious;
  if (In(kRuleBreakIds, category)) return Tier::kRuleBreak;
  if (category.empty() || In(kNever, category)) return Tier::kNone;
  return Tier::kRoutine;
}

bool IsWelfare(std::string_view category) { return In(kWelfare, category); }

v1::Severity SeverityOf(Tier tier) {
  switch (tier) {
    case Tier::kIllegal:
      return v1::SEVERITY_ILLEGAL;
    case Tier::kSerious:
      return v1::SEVERITY_SERIOUS;
    case Tier::kRuleBreak:
      return v1::SEVERITY_RULE_BREAK;
    case Tier::kRoutine:
      return v1::SEVERITY_ROUTINE;
    case Tier::kNone:
      break;
  }
  return v1::SEVERITY_INFORMATION;
}

}  // namespace schoolgate::collector
