#include "agent/decide/name_shapes.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/decide/episode_service.h"

namespace schoolgate::agent {
namespace {

constexpr int64_t kSecond = 1'000'000;

std::string Word(std::mt19937_64& random, std::string_view alphabet,
                 size_t length) {
  std::string word;
  while (word.size() < length) word += alphabet[random() % alphabet.size()];
  return word;
}

constexpr char kLetters[] = "abcdefghijklmnopqrstuvwxyz";
constexpr char kBase32[] = "abcdefghijklmnopqrstuvwxyz234567";

// An infected laptop would go unnoticed; or every browser would be one.
TEST(NameShapes, MadeUpSitesAreFoundAndRealOnesAreNot) {
  std::mt19937_64 random(7);
  int letters = 0, mixed = 0;
  for (int i = 0; i < 1000; ++i) {
    letters += LooksMadeUp(Word(random, kLetters, 14) + ".net");
    mixed += LooksMadeUp(Word(random, kBase32, 16) + ".info");
  }
  EXPECT_GT(letters, 500);
  EXPECT_GT(mixed, 500);
  // Every host of the lists that come with Schoolgate.
  int real = 0, wrong = 0;
  for (const auto& file : std::filesystem::directory_iterator(
           std::string(SCHOOLGATE_SOURCE) + "/rules/lists")) {
    if (file.path().extension() != ".txt") continue;
    std::ifstream in(file.path());
    for (std::string host; std::getline(in, host);) {
      if (host.empty() || host[0] == '#') continue;
      ++real;
      wrong += LooksMadeUp(SiteOf(host));
    }
  }
  EXPECT_GT(real, 1000);
  EXPECT_LT(wrong * 100, real) << wrong << " of " << real;
}

TEST(NameShapes, ADozenAndAHalfWithinTenMinutesAreToldOnceAnHour) {
  std::mt19937_64 random(11);
  NameShapes shapes;
  int64_t now = kSecond;
  const auto ask = [&](int count, int64_t pause) {
    for (int asked = 0; asked < count;) {
      const std::string site = Word(random, kLetters, 14) + ".com";
      if (!LooksMadeUp(site)) continue;
      ++asked;
      now += pause;
      shapes.OnQuestion(site, now);
      shapes.OnQuestion(site, now);  // asked again: still one
    }
  };
  ask(14, kSecond);
  EXPECT_FALSE(shapes.Take().has_value());
  ask(1, kSecond);
  const auto found = shapes.Take();
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->kind, "random_names");
  EXPECT_EQ(found->detail, "15 made-up names within 10 minutes");
  ask(100, kSecond);
  EXPECT_FALSE(shapes.Take().has_value()) << "once an hour";
  now += NameShapes::kQuietUs;
  ask(20, kSecond);
  EXPECT_TRUE(shapes.Take().has_value());
  // One a minute is a user who mistypes, or a site with an odd name.
  NameShapes slow;
  for (int i = 0; i < 200; ++i) {
    now += 60 * kSecond;
    slow.OnQuestion(Word(random, kLetters, 14) + ".com", now);
  }
  EXPECT_FALSE(slow.Take().has_value());
}

// What was asked for in an hour would seem to be asked within ten minutes, or
// nothing be told for as long as the clock was set back.
TEST(NameShapes, AClockSetBackNeitherGathersNorSilences) {
  std::mt19937_64 random(13);
  NameShapes shapes;
  int64_t now = 7200 * kSecond;
  const auto ask = [&](int count) {
    for (int asked = 0; asked < count;) {
      const std::string site = Word(random, kLetters, 14) + ".com";
      if (!LooksMadeUp(site)) continue;
      ++asked;
      shapes.OnQuestion(site, now += kSecond);
    }
  };
  const auto tunnel = [&](int count) {
    for (int i = 0; i < count; ++i) {
      shapes.OnQuestion(Word(random, kBase32, 60) + "." +
                            Word(random, kBase32, 50) + ".t.example.com",
                        now += kSecond);
    }
  };
  ask(14);
  tunnel(50);
  ASSERT_FALSE(shapes.Take().has_value());
  now -= 3600 * kSecond;
  ask(14);
  tunnel(50);
  EXPECT_FALSE(shapes.Take().has_value());
  ask(1);
  tunnel(10);
  ASSERT_TRUE(shapes.Take().has_value());
  ASSERT_TRUE(shapes.Take().has_value());
  now -= 1800 * kSecond;
  ask(15);
  tunnel(60);
  EXPECT_TRUE(shapes.Take().has_value());
  EXPECT_TRUE(shapes.Take().has_value());
}

// Names of one label are the browser's own test of its network.
TEST(NameShapes, TheBrowsersOwnProbesAndTheMachinesOwnNamesAreNothing) {
  std::mt19937_64 random(3);
  NameShapes shapes;
  for (int i = 0; i < 500; ++i) {
    shapes.OnQuestion(Word(random, kLetters, 12), i * kSecond / 10);
    shapes.OnQuestion(Word(random, kLetters, 12) + ".local", i * kSecond / 10);
    shapes.OnQuestion(absl::StrCat(i, ".2.0.192.in-addr.arpa"),
                      i * kSecond / 10);
    // A CDN: the odd part is below a site that everybody knows.
    shapes.OnQuestion("d" + Word(random, kBase32, 13) + ".cloudfront.net",
                      i * kSecond / 10);
  }
  EXPECT_FALSE(shapes.Take().has_value());
}

// Data that leaves inside questions goes around every filter of hosts.
TEST(NameShapes, ATunnelIsFoundAndAScannerIsNot) {
  std::mt19937_64 random(5);
  NameShapes shapes;
  for (int i = 0; i < 59; ++i) {
    shapes.OnQuestion(Word(random, kBase32, 60) + "." +
                          Word(random, kBase32, 40) + ".sophosxl.net",
                      i * kSecond);
    shapes.OnQuestion("photos-of-the-school-trip-to-the-sea-2026." +
                          absl::StrCat("a") + ".example.org",
                      i * kSecond);  // one long name, again and again
  }
  EXPECT_FALSE(shapes.Take().has_value());
  for (int i = 0; i < 60; ++i) {
    shapes.OnQuestion(Word(random, kBase32, 60) + "." +
                          Word(random, kBase32, 50) + ".t.example.com",
                      60 * kSecond + i * kSecond);
  }
  const auto found = shapes.Take();
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->kind, "name_tunnel");
  EXPECT_FALSE(absl::StrContains(found->detail, "example"));
  EXPECT_FALSE(shapes.Take().has_value());
}

}  // namespace
}  // namespace schoolgate::agent
