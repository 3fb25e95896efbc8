#include "agent/decide/episode_service.h"

#include <algorithm>
#include <array>

namespace schoolgate::agent {
namespace {

struct Alias {
  std::string_view site;
  std::string_view service;
};

// Further domains of well-known services: where their pages get pictures,
// scripts and films from, and second front doors.
constexpr auto kAliases = std::to_array<Alias>({
    {"cdninstagram.com", "instagram.com"},
    {"discord.gg", "discord.com"},
    {"discordapp.com", "discord.com"},
    {"discordapp.net", "discord.com"},
    {"ebayimg.com", "ebay.co.uk"},
    {"ebaystatic.com", "ebay.co.uk"},
    {"ebay.com", "ebay.co.uk"},
    {"facebook.net", "facebook.com"},
    {"fb.com", "facebook.com"},
    {"fbcdn.net", "facebook.com"},
    {"fbsbx.com", "facebook.com"},
    {"ggpht.com", "youtube.com"},
    {"googlevideo.com", "youtube.com"},
    {"jtvnw.net", "twitch.tv"},
    {"kwcdn.com", "temu.com"},
    {"licdn.com", "linkedin.com"},
    {"ltwebstatic.com", "shein.com"},
    {"media-amazon.com", "amazon.co.uk"},
    {"amazon.com", "amazon.co.uk"},
    {"messenger.com", "facebook.com"},
    {"nflxext.com", "netflix.com"},
    {"nflximg.net", "netflix.com"},
    {"nflxso.net", "netflix.com"},
    {"nflxvideo.net", "netflix.com"},
    {"phncdn.com", "pornhub.com"},
    {"pinimg.com", "pinterest.com"},
    {"pinterest.co.uk", "pinterest.com"},
    {"rbxcdn.com", "roblox.com"},
    {"redd.it", "reddit.com"},
    {"redditmedia.com", "reddit.com"},
    {"redditstatic.com", "reddit.com"},
    {"sc-cdn.net", "snapchat.com"},
    {"scdn.co", "spotify.com"},
    {"snap.com", "snapchat.com"},
    {"spotifycdn.com", "spotify.com"},
    {"ssl-images-amazon.com", "amazon.co.uk"},
    {"steamcommunity.com", "steampowered.com"},
    {"steamstatic.com", "steampowered.com"},
    {"t.co", "twitter.com"},
    {"t.me", "telegram.org"},
    {"tiktokcdn.com", "tiktok.com"},
    {"tiktokcdn-eu.com", "tiktok.com"},
    {"tiktokv.com", "tiktok.com"},
    {"tiktokw.eu", "tiktok.com"},
    {"ttvnw.net", "twitch.tv"},
    {"ttwstatic.com", "tiktok.com"},
    {"twimg.com", "twitter.com"},
    {"vimeocdn.com", "vimeo.com"},
    {"whatsapp.net", "whatsapp.com"},
    {"x.com", "twitter.com"},
    {"xvideos-cdn.com", "xvideos.com"},
    {"youtu.be", "youtube.com"},
    {"youtube-nocookie.com", "youtube.com"},
    {"ytimg.com", "youtube.com"},
});

constexpr auto kSecondLevels = std::to_array<std::string_view>(
    {"ac", "co", "com", "edu", "gov", "ltd", "me", "net", "nhs", "org", "plc",
     "police", "sch"});

constexpr auto kDoors = std::to_array<std::string_view>(
    {"www", "m", "web", "mobile", "open", "play", "app", "en", "uk", "old",
     "new", "go", "home"});

template <typename List>
bool In(const List& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

// Where the last `labels` labels of the name begin.
size_t StartOf(std::string_view name, int labels) {
  size_t at = name.size();
  for (int i = 0; i < labels; ++i) {
    size_t dot = at == 0 ? std::string_view::npos : name.rfind('.', at - 1);
    if (dot == std::string_view::npos) return 0;
    at = dot;
  }
  return at + 1;
}

}  // namespace

std::string_view SiteOf(std::string_view name) {
  std::string_view two = name.substr(StartOf(name, 2));
  size_t dot = two.find('.');
  if (dot == std::string_view::npos) return two;
  bool country = two.size() - dot - 1 == 2;
  if (country && In(kSecondLevels, two.substr(0, dot))) {
    return name.substr(StartOf(name, 3));
  }
  return two;
}

std::string_view ServiceOf(std::string_view name) {
  std::string_view site = SiteOf(name);
  for (const Alias& alias : kAliases) {
    if (alias.site == site) return alias.service;
  }
  return site;
}

bool IsFrontDoor(std::string_view name) {
  std::string_view site = SiteOf(name);
  if (name.size() == site.size()) return true;
  std::string_view before = name.substr(0, name.size() - site.size() - 1);
  return In(kDoors, before);
}

}  // namespace schoolgate::agent
