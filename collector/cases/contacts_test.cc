// The right number, found in a drawer an hour later, is the wrong number.
#include "collector/cases/contacts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "rules/policy/compile.h"

namespace schoolgate::collector {
namespace {

using testing::ElementsAre;

Policy CityPolicy() {
  static const Policy policy = [] {
    auto compiled = rules::CompilePolicyFile(
        std::string(SCHOOLGATE_SOURCE) + "/rules/policies/city-primary.yaml");
    EXPECT_TRUE(compiled.ok()) << compiled.status();
    return std::make_shared<v1::CompiledPolicy>(*std::move(compiled));
  }();
  return policy;
}

v1::Alert About(const std::string& subject, const std::string& group,
                const std::string& category, v1::Severity severity) {
  v1::Alert alert;
  alert.set_subject(subject);
  alert.set_group(group);
  alert.set_category(category);
  alert.set_severity(severity);
  alert.set_rule("repeated_contacts");
  return alert;
}

TEST(Contacts, AnAlertBringsThoseWhomItMayConcern) {
  const auto* policy = CityPolicy().get();
  EXPECT_THAT(
      ContactsFor(About("P-1", "ks2", "child-abuse", v1::SEVERITY_ILLEGAL),
                  policy),
      ElementsAre("police", "social_care"));
  EXPECT_THAT(
      ContactsFor(About("P-1", "staff", "child-abuse", v1::SEVERITY_ILLEGAL),
                  policy),
      ElementsAre("police", "lado", "social_care"));
  EXPECT_THAT(
      ContactsFor(About("P-1", "ks2", "terrorism", v1::SEVERITY_ILLEGAL),
                  policy),
      ElementsAre("police", "social_care", "prevent"));
  EXPECT_THAT(
      ContactsFor(About("P-1", "ks2", "self-harm", v1::SEVERITY_SERIOUS),
                  policy),
      ElementsAre("social_care", "helpline"));
  EXPECT_THAT(ContactsFor(About("D-1", "", "", v1::SEVERITY_ROUTINE), policy),
              ElementsAre("technical"));
}

// SS14 of the city's table ticks the police for staff.
TEST(Contacts, WhatTheSchoolsTableTicksIsAmongThem) {
  v1::Alert alert = About("P-1", "staff", "adult", v1::SEVERITY_SERIOUS);
  alert.set_count(5);
  const auto roles = ContactsFor(alert, CityPolicy().get());
  EXPECT_THAT(roles, testing::Contains("police"));
  EXPECT_THAT(roles, testing::Contains("lado"));
  // Without a policy nothing is ticked.
  EXPECT_THAT(ContactsFor(alert, nullptr), ElementsAre("lado", "governors"));
}

class ContactBook : public testing::Test {
 protected:
  ContactBook() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "sg-book-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    store_ = *OpenSqliteAgreementStore(directory_ + "/cases.sqlite");
  }
  ~ContactBook() override { std::filesystem::remove_all(directory_); }

  std::string directory_;
  std::unique_ptr<AgreementStore> store_;
};

TEST_F(ContactBook, HoldsALineForEachRoleUntilItIsEmptied) {
  Contact lado{.role = "lado",
               .name = "Duty desk",
               .phone = "+44 (0)20 7946 0000 x12",
               .changed_by = "lead",
               .changed = absl::FromUnixSeconds(1'795'338'000)};
  ASSERT_TRUE(WriteContact(*store_, "oak", lado).ok());
  auto book = *ContactsOf(store_.get(), "oak");
  EXPECT_EQ(book.size(), ContactRoles().size());
  const nlohmann::json shown = ContactsJson(book, {"police", "lado"});
  ASSERT_EQ(shown.size(), 2u);
  EXPECT_EQ(shown[0]["missing"], true);
  EXPECT_EQ(shown[1]["phone"], lado.phone);
  EXPECT_EQ(shown[1]["missing"], false);
  const ReportTable table = ContactTable(book, absl::UTCTimeZone());
  EXPECT_EQ(table.rows[0][1], "Not written down");
  EXPECT_EQ(table.rows[1][2], "22 November 2026");
  EXPECT_EQ(
      ContactsJson(*ContactsOf(store_.get(), "elm"), {"lado"})[0]["missing"],
      true);
  lado.name = lado.phone = "";
  ASSERT_TRUE(WriteContact(*store_, "oak", lado).ok());
  EXPECT_EQ(
      ContactsJson(*ContactsOf(store_.get(), "oak"), {"lado"})[0]["missing"],
      true);
}

TEST_F(ContactBook, WhatIsNoNumberIsRefusedInWords) {
  const auto refused = [&](Contact contact) {
    const absl::Status status = WriteContact(*store_, "oak", contact);
    return status.code() == absl::StatusCode::kInvalidArgument &&
           !status.message().empty();
  };
  EXPECT_TRUE(refused({.role = "nobody", .name = "X", .phone = "101"}));
  EXPECT_TRUE(refused({.role = "lado", .name = "X"}));
  EXPECT_TRUE(
      refused({.role = "lado", .name = "X", .phone = "ask the office"}));
  EXPECT_TRUE(refused({.role = "lado", .name = "X", .phone = "10"}));
  EXPECT_TRUE(refused({.role = "lado", .name = "X", .email = "no address"}));
  EXPECT_TRUE(refused({.role = "lado", .name = "X", .email = "a@b@c"}));
  EXPECT_TRUE(store_->Pages("oak", "contacts")->empty());
}

}  // namespace
}  // namespace schoolgate::collector
