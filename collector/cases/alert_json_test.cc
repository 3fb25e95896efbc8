#include "collector/cases/alert_json.h"

#include <gtest/gtest.h>

namespace schoolgate::collector {
namespace {

std::string Same(const std::string& name) { return name; }

v1::Alert Whole() {
  v1::Alert alert;
  alert.set_id(7);
  alert.set_school("oakfield");
  alert.set_severity(v1::SEVERITY_ILLEGAL);
  alert.set_subject("P-000001");
  alert.set_device("D-00000001");
  alert.set_device_name("laptop-12");
  for (auto set :
       {&v1::Alert::set_title<std::string>,
        &v1::Alert::set_sentence<std::string>, &v1::Alert::set_why<std::string>,
        &v1::Alert::set_in_favour<std::string>,
        &v1::Alert::set_next_step<std::string>}) {
    (alert.*set)("about www.sealed.example.test and sealed.example.test");
  }
  for (const char* host : {"sealed.example.test", "www.sealed.example.test"}) {
    v1::AlertEvidence* line = alert.add_evidence();
    line->set_host(host);
    line->set_sentence(std::string("Contacted host ") + host);
    line->set_action("blocked");
  }
  alert.add_notes()->set_words("it was www.sealed.example.test");
  alert.mutable_incident()->set_description("at sealed.example.test");
  return alert;
}

// The host of illegal material would be on somebody's screen.
TEST(AlertJson, TheHostOfIllegalMaterialIsInNoPart) {
  for (bool whole : {false, true}) {
    for (Sight sight : {Sight::kFull, Sight::kHealth, Sight::kAnonymous}) {
      const std::string text = AlertJson(Whole(), sight, whole, Same).dump();
      EXPECT_EQ(text.find("sealed.example"), std::string::npos) << text;
    }
  }
}

TEST(AlertJson, OtherHostsAreShown) {
  v1::Alert alert = Whole();
  alert.set_severity(v1::SEVERITY_SERIOUS);
  const auto json = AlertJson(alert, Sight::kFull, true, Same);
  EXPECT_EQ(json["evidence"][0]["host"], "sealed.example.test");
}

// Somebody whose every try was blocked would read that they had contacted it.
TEST(AlertJson, ABlockedTryOfIllegalMaterialIsNoContact) {
  v1::Alert alert = Whole();
  alert.mutable_evidence(1)->set_action("allowed");
  const auto lines = AlertJson(alert, Sight::kFull, true, Same)["evidence"];
  EXPECT_EQ(lines[0]["sentence"],
            "Tried to reach a host on the restricted list; it was blocked.");
  EXPECT_EQ(lines[1]["sentence"], "Contacted a host on the restricted list.");
}

v1::Alert WithLines(const std::vector<std::string>& sentences) {
  v1::Alert alert;
  alert.set_severity(v1::SEVERITY_RULE_BREAK);
  for (const std::string& sentence : sentences) {
    v1::AlertEvidence* line = alert.add_evidence();
    line->set_host("bet.test");
    line->set_sentence(sentence);
  }
  return alert;
}

// Five lines of which each says the same three things hide the one that
// differs.
TEST(AlertJson, WhatEachLineGivesAsItsReasonIsSaidOnce) {
  const auto json = AlertJson(
      WithLines({"Tried to reach bet.test; it was blocked (after a pause; one, "
                 "as it were).",
                 "Contacted host bet.test for 9 seconds (alone; one, as it "
                 "were). Reported by the person.",
                 "Contacted host bet.test (one, as it were)."}),
      Sight::kFull, true, Same);
  EXPECT_EQ(json["shared_reasons"], "one, as it were");
  const auto& lines = json["evidence"];
  EXPECT_EQ(lines[0]["sentence"],
            "Tried to reach bet.test; it was blocked (after a pause).");
  EXPECT_EQ(lines[1]["sentence"],
            "Contacted host bet.test for 9 seconds (alone). Reported by the "
            "person.");
  EXPECT_EQ(lines[2]["sentence"], "Contacted host bet.test.");
}

// "Each time" would not be true.
TEST(AlertJson, AReasonThatOneLineLacksStaysWithTheOthers) {
  const std::string with = "Contacted host bet.test (after a pause).";
  const std::string without = "Contacted host bet.test.";
  for (const auto& sentences :
       {std::vector{with, with, without}, std::vector{without, with}, {with}}) {
    const auto json = AlertJson(WithLines(sentences), Sight::kFull, true, Same);
    EXPECT_FALSE(json.contains("shared_reasons"));
    for (size_t i = 0; i < sentences.size(); ++i) {
      EXPECT_EQ(json["evidence"][i]["sentence"], sentences[i]);
    }
  }
}

// A governor could work out who it was.
TEST(AlertJson, GovernorsGetNoPersonDeviceHostOrDay) {
  v1::Alert alert = Whole();
  alert.set_severity(v1::SEVERITY_SERIOUS);
  alert.set_title("Repeated tries");
  alert.set_raised_unix_us(1795338000000000);
  const auto json = AlertJson(alert, Sight::kAnonymous, true, Same);
  EXPECT_EQ(json["month"], "2026-11");
  std::vector<std::string> keys;
  for (const auto& [key, value] : json.items()) keys.push_back(key);
  EXPECT_EQ(keys,
            (std::vector<std::string>{"category", "clause", "month", "outcome",
                                      "severity", "state", "title"}));
}

TEST(AlertJson, TheProviderGetsNoNotes) {
  const auto json = AlertJson(Whole(), Sight::kHealth, true, Same);
  EXPECT_FALSE(json.contains("notes"));
  EXPECT_FALSE(json.contains("incident"));
}

TEST(AlertJson, EveryStateHasAWordAndBack) {
  for (auto state :
       {v1::ALERT_STATE_NEW, v1::ALERT_STATE_SEEN, v1::ALERT_STATE_LOOKING,
        v1::ALERT_STATE_WAITING, v1::ALERT_STATE_CLOSED}) {
    EXPECT_EQ(StateOf(StateWord(state)), state);
  }
  EXPECT_EQ(StateOf("deleted"), v1::ALERT_STATE_UNSPECIFIED);
}

}  // namespace
}  // namespace schoolgate::collector
