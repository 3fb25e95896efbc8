// People may read what is kept about them, and nothing about anybody else.
#include <gtest/gtest.h>

#include "collector/web/test_school.h"

namespace schoolgate::collector {
namespace {

using nlohmann::json;

StoredEvent ContactOf(const std::string& pseudonym, const std::string& host,
                      uint64_t sequence, absl::Time time) {
  StoredEvent event;
  event.school = "oakfield";
  event.device = "D-1";
  event.epoch = 1;
  event.received = event.happened = time;
  event.event.set_sequence(sequence);
  event.event.mutable_person()->set_pseudonym(pseudonym);
  event.event.mutable_contact()->set_host(host);
  event.event.mutable_contact()->add_categories("shopping");
  event.event.mutable_contact()->set_action(v1::ACTION_BLOCK);
  return event;
}

TEST(OwnRecord, ShowsWhatLeftAboutTheReaderAndNoAlert) {
  TestSchool school;
  school.AddAccount("teacher", Role::kGovernor, "oakfield", "P-OWN001");
  const absl::Time now = school.clock().Now();
  ASSERT_TRUE(school.stores()
                  .events
                  ->Append({ContactOf("P-OWN001", "shop.test", 1, now),
                            ContactOf("P-OTHER1", "other.test", 2, now)})
                  .ok());
  school.AddAlert("P-OWN001", v1::SEVERITY_SERIOUS);
  NoticeFacts facts;
  facts.keep_event_days = 30;
  Api api(school.stores(), facts, SessionLimits{}, school.clock());
  TestBrowser teacher(api);
  ASSERT_EQ(teacher.LogIn("teacher").status, 200);
  const Response answer = teacher.Get("/api/v1/my-record");
  const json record = TestBrowser::Json(answer);
  ASSERT_EQ(record["lines"].size(), 1u) << record;
  EXPECT_EQ(record["lines"][0]["host"], "shop.test");
  EXPECT_EQ(record["lines"][0]["action"], "block");
  EXPECT_EQ(record["keep_days"], 30);
  EXPECT_EQ(answer.body.find("P-OWN001"), std::string::npos);
  EXPECT_EQ(answer.body.find("other.test"), std::string::npos);
  // An alert about the reader is not to be found by them, here either.
  EXPECT_EQ(answer.body.find("alert"), std::string::npos);
  EXPECT_EQ(answer.body.find("bets.example.test"), std::string::npos);
  EXPECT_EQ(school.Audit().back().action, "view_own_record");
  TestBrowser lead(api);
  lead.LogIn("lead");
  EXPECT_TRUE(
      TestBrowser::Json(lead.Get("/api/v1/my-record"))["lines"].empty());
}

// What was made of a visit would be kept about somebody who cannot read it, and
// who would not learn that a page's own doing is not held against them.
TEST(OwnRecord, ShowsHowTheDeviceTookIt) {
  TestSchool school;
  school.AddAccount("teacher", Role::kGovernor, "oakfield", "P-OWN001");
  StoredEvent event = ContactOf("P-OWN001", "", 1, school.clock().Now());
  v1::Episode& episode = *event.event.mutable_episode();
  episode.set_service("adverts.test");
  episode.set_front_host("a.adverts.test");
  episode.set_category("gambling");
  episode.set_grade(v1::GRADE_AUTOMATIC);
  episode.set_action(v1::ACTION_BLOCK);
  v1::Evidence& fact = *episode.add_evidence();
  fact.set_fact("explained");
  fact.set_half_points(-6);
  StoredEvent sealed = event;
  sealed.event.set_sequence(2);
  sealed.event.mutable_episode()->set_locked(true);
  ASSERT_TRUE(school.stores().events->Append({event, sealed}).ok());
  Api api(school.stores(), NoticeFacts{}, SessionLimits{}, school.clock());
  TestBrowser teacher(api);
  ASSERT_EQ(teacher.LogIn("teacher").status, 200);
  const Response answer = teacher.Get("/api/v1/my-record");
  const json lines = TestBrowser::Json(answer)["lines"];
  ASSERT_EQ(lines.size(), 2u) << answer.body;
  const json& sealed_line =
      lines[0]["host"] == "(sealed)" ? lines[0] : lines[1];
  const json& line = lines[0]["host"] == "(sealed)" ? lines[1] : lines[0];
  EXPECT_EQ(sealed_line["host"], "(sealed)");
  EXPECT_EQ(line["what"], "judged");
  EXPECT_EQ(line["host"], "a.adverts.test");
  EXPECT_EQ(line["grade"], "automatic");
  EXPECT_EQ(line["words"],
            "a page contacted just before is known to bring it in");
}

}  // namespace
}  // namespace schoolgate::collector
