#include "rules/import/known_categories.h"

#include <algorithm>

namespace schoolgate::rules {
namespace {

constexpr size_t kIdLimit = 40;

constexpr std::string_view kKnown[] = {
    "adult",
    "ai",
    "alcohol",
    "anonymous-messaging",
    "blogs",
    "bypass",
    "chat",
    "child-abuse",
    "criminal-hate",
    "dating",
    "drugs",
    "eating-disorder",
    "education",
    "file-sharing",
    "forums",
    "gambling",
    "games",
    "games-educational",
    "hate",
    "helpline",
    "illegal-adult",
    "malware",
    "messaging",
    "misinformation",
    "music-download",
    "news",
    "newsgroups",
    "phishing",
    "piracy",
    "politics",
    "private-business",
    "remote-access",
    "scam",
    "search",
    "self-harm",
    "shopping",
    "social",
    "software-download",
    "suicide",
    "terrorism",
    "update",
    "video",
    "video-conference",
    "violence",
    "weapons",
    "webmail",
};

// What a person may contact without a question being asked.
constexpr std::string_view kNeutral[] = {
    "ai",
    "blogs",
    "chat",
    "education",
    "file-sharing",
    "forums",
    "games",
    "games-educational",
    "helpline",
    "messaging",
    "music-download",
    "news",
    "newsgroups",
    "politics",
    "private-business",
    "search",
    "shopping",
    "social",
    "software-download",
    "update",
    "video",
    "video-conference",
    "webmail",
};

constexpr std::string_view kHarmless[] = {"education", "helpline", "news",
                                          "search", "update"};

}  // namespace

std::span<const std::string_view> KnownCategories() { return kKnown; }

bool IsAccusing(std::string_view category) {
  return std::find(std::begin(kNeutral), std::end(kNeutral), category) ==
         std::end(kNeutral);
}

bool IsHarmless(std::string_view category) {
  return std::find(std::begin(kHarmless), std::end(kHarmless), category) !=
         std::end(kHarmless);
}

bool IsCategoryId(std::string_view id) {
  return !id.empty() && id.size() <= kIdLimit &&
         std::all_of(id.begin(), id.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_';
         });
}

std::string CanaryHost(std::string_view category) {
  return std::string(category) + ".check.schoolgate.test";
}

}  // namespace schoolgate::rules
