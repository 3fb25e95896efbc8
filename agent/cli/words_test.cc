#include "agent/cli/words.h"

#include <gtest/gtest.h>

namespace schoolgate::agent {
namespace {

// Otherwise somebody would be monitored without being told.
TEST(StatusInWordsTest, SaysThatTheSchoolIsTold) {
  const std::string words = StatusInWords({{"capturing", true},
                                           {"mode", "observe"},
                                           {"school", "Hillside"},
                                           {"device", "D-1"},
                                           {"rules_version", 3},
                                           {"rules_title", "City"},
                                           {"contacts", 2}});
  EXPECT_NE(words.find("It tells the school"), std::string::npos);
  EXPECT_NE(words.find("version 3"), std::string::npos);
  EXPECT_NE(words.find("2 contacts"), std::string::npos);
  EXPECT_NE(StatusInWords({{"contacts", 1}}).find("1 contact with"),
            std::string::npos);
  EXPECT_NE(StatusInWords({{"contacts", 0}}).find("no contact with"),
            std::string::npos);
}

// Otherwise nobody would know for whose doing theirs may be taken.
TEST(StatusInWordsTest, SaysWhoYouAreTakenForAndHow) {
  const auto words = [](const char* as, const char* login, const char* session,
                        const char* sees) {
    return StatusInWords({{"capturing", true},
                          {"sees", sees},
                          {"you",
                           {{"as", as},
                            {"login", login},
                            {"group", "pupils"},
                            {"session", session}}}});
  };
  EXPECT_NE(words("person", "a.khan", "idle", "flows")
                .find("count as a.khan, group pupils"),
            std::string::npos);
  EXPECT_NE(words("person", "a.khan", "idle", "flows").find("session is idle"),
            std::string::npos);
  EXPECT_NE(words("person", "a.khan", "unknown", "flows")
                .find("says with each packet whose program sent it"),
            std::string::npos);
  EXPECT_NE(words("shared", "", "unknown", "interface").find("share"),
            std::string::npos);
  EXPECT_NE(words("shared", "", "unknown", "interface").find("all packets"),
            std::string::npos);
  EXPECT_NE(words("unknown", "", "unknown", "flows").find("not known"),
            std::string::npos);
}

// Otherwise a school would think that it sees everything.
TEST(StatusInWordsTest, SaysWhatItCouldNotSeeAndWhy) {
  const std::string words = StatusInWords(
      {{"capturing", true},
       {"blindness", {{"of_flows", 40}, {"ech", 1}, {"vpn", 3}, {"tor", 0}}}});
  EXPECT_NE(words.find("4 of 40 connections did not show whom they were for:\n"
                       "  3  VPN\n  1  encrypted hello (ECH)\n"),
            std::string::npos);
  EXPECT_EQ(words.find("Tor"), std::string::npos);
  EXPECT_EQ(StatusInWords({{"capturing", true},
                           {"blindness", {{"of_flows", 40}, {"ech", 0}}}})
                .find("did not show"),
            std::string::npos);
}

TEST(StatusInWordsTest, SaysSoWhenItDoesNotWatch) {
  const std::string words = StatusInWords(
      {{"capturing", false}, {"capture_problem", "no permission"}});
  EXPECT_NE(words.find("not watching the network: no permission"),
            std::string::npos);
  EXPECT_NE(words.find("not enrolled"), std::string::npos);
}

TEST(WhyInWordsTest, ABlockedHostComesWithTheWayToSpeakUp) {
  const std::string words = WhyInWords({{"host", "bet.example"},
                                        {"action", "block"},
                                        {"reason", "Gambling is not allowed"},
                                        {"clause", "P0 U17"}});
  EXPECT_NE(words.find("blocked for you.\nGambling is not allowed.\n"),
            std::string::npos);
  EXPECT_NE(words.find("report accident bet.example"), std::string::npos);
  EXPECT_NE(words.find("ask a member of staff"), std::string::npos);
}

// Otherwise a child would not learn whom the school names for this.
TEST(WhyInWordsTest, TheSchoolsOwnHelpStandsInPlaceOfOurs) {
  const std::string words = WhyInWords({{"host", "harm.example"},
                                        {"action", "block"},
                                        {"help", "Talk to Ms Green, room 4"}});
  EXPECT_NE(words.find("\nTalk to Ms Green, room 4.\n"), std::string::npos);
  EXPECT_EQ(words.find("ask a member of staff"), std::string::npos);
}

// Otherwise illegal material would be named, and a child told to report it by
// name.
TEST(WhyInWordsTest, IllegalMaterialIsNotNamed) {
  const std::string words = WhyInWords(
      {{"host", "bad.example"}, {"action", "block"}, {"locked", true}});
  EXPECT_EQ(words.find("bad.example"), std::string::npos);
  EXPECT_NE(words.find("tell a member of staff now"), std::string::npos);
}

// Otherwise a person could not see what is held against them.
TEST(RecordInWordsTest, ListsWhatLeftTheDevice) {
  EXPECT_NE(RecordInWords({{"record", nlohmann::json::array()}})
                .find("Nothing about you"),
            std::string::npos);
  const nlohmann::json entry = {{"time", "2026-11-22T09:00:00Z"},
                                {"what", "contact"},
                                {"host", "bet.example"},
                                {"stopped", true},
                                {"clause", "P0 U17"}};
  const std::string words = RecordInWords({{"record", {entry}}});
  EXPECT_NE(words.find("bet.example  blocked  (P0 U17)"), std::string::npos);
  // A child would read there that they had done what a page did.
  EXPECT_NE(words.find("does not say that you meant it"), std::string::npos);
  EXPECT_NE(words.find("schoolgate report accident HOST"), std::string::npos);
}

// Otherwise a strange answer would take the command down.
// A page for the wall that leaves out what is blocked, or lacks the clause,
// would not be the school's rules.
TEST(WordsTest, TheWholeTextAtOnceForWhoAsks) {
  const nlohmann::json answer = {
      {"policy", "City Primary"},
      {"group", "Key Stage 2"},
      {"mode", "observe"},
      {"notice", "The school sees which hosts are asked for."},
      {"kinds",
       {{{"title", "gambling"},
         {"action", "block"},
         {"reason", "Gambling is blocked."},
         {"clause", "P0 U17"},
         {"until", nullptr}},
        {{"title", "video"},
         {"action", "block"},
         {"reason", "At certain times."},
         {"clause", ""},
         {"until", "2026-11-27T12:00:00Z"}},
        {{"title", "news"},
         {"action", "allow"},
         {"reason", "News is open."},
         {"clause", ""},
         {"until", nullptr}}}}};
  const std::string words = RulesInWords(answer);
  for (const char* part :
       {"City Primary", "Key Stage 2", "Nothing is blocked yet",
        "Blocked:\n- gambling. Gambling is blocked.\n  The school's policy: P0 "
        "U17\n- video. At certain times. Until 2026-11-27T12:00:00Z.",
        "Open, and no record is kept:\n- news",
        "The school sees which hosts"}) {
    EXPECT_NE(words.find(part), std::string::npos) << part << "\n" << words;
  }
  EXPECT_EQ(words.find("with a warning"), std::string::npos);
}

TEST(WordsTest, AnswersOfOtherShapesAreSurvived) {
  EXPECT_FALSE(StatusInWords({{"capturing", true}, {"school", 5}}).empty());
  EXPECT_FALSE(WhyInWords({{"host", nullptr}}).empty());
}

// The teacher must see what to ask for, and ask for no more than a pass opens.
TEST(WordsTest, APreviewNamesWhatIsMissedAndAsksForWhatAPassOpens) {
  const nlohmann::json answer = {
      {"group", "ks2"},
      {"hosts",
       {{{"host", "a.test"}, {"blocked", false}, {"passable", false}},
        {{"host", "game.test"},
         {"blocked", true},
         {"passable", true},
         {"reason", "Games are blocked."}},
        {{"host", "x.test"},
         {"blocked", true},
         {"passable", false},
         {"reason", "Never."}}}}};
  const std::string words = PreviewInWords(answer);
  EXPECT_NE(words.find("would miss 2 of the 3"), std::string::npos) << words;
  EXPECT_NE(words.find("game.test: Games are blocked. A lesson pass can"),
            std::string::npos);
  EXPECT_NE(words.find("x.test: Never. No lesson pass"), std::string::npos);
  const PassRequest request = RequestFrom(answer, "fractions");
  EXPECT_EQ(request.host, "game.test");
  EXPECT_EQ(request.words, "lesson pass for ks2: game.test: fractions");
  EXPECT_EQ(
      RequestFrom({{"group", "ks2"}, {"hosts", nlohmann::json::array()}}, "x")
          .host,
      "");
}

}  // namespace
}  // namespace schoolgate::agent
