// An author without a line number, or a school that loosens its trust's
// baseline unseen, would make the paper policy worth nothing.
#include "rules/policy/compile.h"

#include <fstream>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rules/policy/document.h"
#include "rules/policy/tables.h"

namespace schoolgate::rules {
namespace {

using testing::HasSubstr;

const char kTestData[] = "rules/policy/testdata/";

TEST(Compile, EveryMistakeIsNamedOnItsLine) {
  const std::string path = absl::StrCat(kTestData, "mistakes.yaml");
  v1::CompiledPolicy policy;
  std::vector<PolicyMistake> mistakes;
  EXPECT_FALSE(CompilePolicyFile(path, &policy, &mistakes));
  std::map<int, std::string> by_line;
  for (const PolicyMistake& mistake : mistakes) {
    EXPECT_EQ(mistake.file, path);
    absl::StrAppend(&by_line[mistake.line], mistake.what, "\n");
  }
  std::ifstream file(path);
  std::string line;
  int planted = 0;
  for (int number = 1; std::getline(file, line); ++number) {
    const std::vector<std::string> parts = absl::StrSplit(line, "# ! ");
    if (parts.size() == 2) {
      ++planted;
      EXPECT_THAT(by_line[number], HasSubstr(parts[1]))
          << path << ":" << number;
      by_line.erase(number);
    }
  }
  EXPECT_EQ(planted, 32);
  for (const auto& [number, what] : by_line) {
    ADD_FAILURE() << path << ":" << number << ": not planted: " << what;
  }
}

TEST(Compile, ASchoolThatLoosensIsToldBothLines) {
  const auto policy =
      CompilePolicyFile(absl::StrCat(kTestData, "loosens.yaml"));
  ASSERT_FALSE(policy.ok());
  const std::string why(policy.status().message());
  EXPECT_THAT(why, HasSubstr("loosens.yaml:9: rule opens-host: allows what"));
  EXPECT_THAT(why, HasSubstr("baseline.yaml:21 (rule bad-host)"));
  EXPECT_THAT(why, HasSubstr("loosens.yaml:18: rule opens-gambling: warns"));
  EXPECT_THAT(why, HasSubstr("baseline.yaml:23 (rule floor-gambling)"));
}

TEST(Compile, WhatCannotBeReadSaysSo) {
  EXPECT_EQ(CompilePolicyFile("no/such.yaml").status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_FALSE(CompilePolicyFile("rules/policy").ok());
}

TEST(Compile, HostileTextIsRefusedWithoutHarm) {
  const std::vector<std::string> texts = {
      "",
      "---\n",
      "a: b\n---\nc: d\n",
      "a: [",
      "a: 1\na: 2\n",
      "? [1, 2]\n: 3\n",
      "*unknown",
      std::string(100'000, '['),
      "a: &a [x, x, x, x, x, x, x, x, x]\n"
      "b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\n"
      "c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]\n"
      "d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]\n"
      "e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d]\n"
      "f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e]\n",
  };
  for (const std::string& text : texts) {
    std::vector<PolicyMistake> mistakes;
    Mistakes collect("text", &mistakes);
    Node root;
    EXPECT_FALSE(ParseDocument(text, &collect, &root)) << text.substr(0, 40);
    EXPECT_EQ(mistakes.size(), 1) << text.substr(0, 40);
  }
}

TEST(Compile, TheSamePolicyCompilesToTheSameBytes) {
  const char kPath[] = "rules/policies/grid-primary.yaml";
  EXPECT_EQ(CompilePolicyFile(kPath)->SerializeAsString(),
            CompilePolicyFile(kPath)->SerializeAsString());
}

// Ids that bundles, canaries and tests share.
TEST(Compile, TheFivePoliciesKnowEverySharedId) {
  const std::vector<std::string> categories = absl::StrSplit(
      "child-abuse terrorism illegal-adult criminal-hate adult hate violence "
      "weapons self-harm suicide eating-disorder drugs alcohol misinformation "
      "social messaging chat dating forums newsgroups anonymous-messaging "
      "bypass remote-access file-sharing piracy games games-educational video "
      "music-download webmail ai software-download video-conference "
      "private-business politics blogs gambling shopping scam phishing malware "
      "search news education helpline update",
      ' ');
  const std::vector<std::string> groups = absl::StrSplit(
      "staff ks1 ks2 pupils governor volunteer guest contractor community "
      "unknown",
      ' ');
  for (const char* school : {"city", "trust", "grid", "village", "county"}) {
    const auto policy = CompilePolicyFile(
        absl::StrCat("rules/policies/", school, "-primary.yaml"));
    ASSERT_TRUE(policy.ok()) << policy.status().message();
    const auto tables = *PolicyTables::Make(*policy);
    for (const std::string& id : categories) {
      EXPECT_GE(tables->Category(id), 0) << school << " " << id;
    }
    for (const std::string& id : groups) {
      const int group = tables->Group(id);
      ASSERT_GE(group, 0) << school << " " << id;
      EXPECT_EQ(policy->groups(group).id(), id) << school;
    }
    EXPECT_FALSE(policy->notice().empty()) << school;
    EXPECT_GT(policy->routes_size(), 5) << school;
    EXPECT_GE(policy->thresholds_size(), 3) << school;
    EXPECT_GE(policy->retention_size(), 5) << school;
  }
}

TEST(Compile, PupilsWithoutPasswordsAreNeverPersons) {
  const auto policy = CompilePolicyFile("rules/policies/trust-primary.yaml");
  ASSERT_TRUE(policy.ok());
  for (const v1::PolicyGroup& group : policy->groups()) {
    const bool child =
        group.id() == "pupils" || group.id() == "ks1" || group.id() == "ks2";
    EXPECT_EQ(group.shared_accounts(), child) << group.id();
  }
}

// A bundle is believed only as far as it was checked.
TEST(Tables, AnIndexOutOfRangeIsRefused) {
  const auto good = CompilePolicyFile("rules/policies/city-primary.yaml");
  ASSERT_TRUE(good.ok());
  const std::vector<void (*)(v1::CompiledPolicy*)> harms = {
      [](v1::CompiledPolicy* p) { p->mutable_matrix(0)->add_groups(99); },
      [](v1::CompiledPolicy* p) { p->mutable_matrix(0)->add_categories(99); },
      [](v1::CompiledPolicy* p) { p->mutable_matrix(0)->set_clause(9999); },
      [](v1::CompiledPolicy* p) {
        p->mutable_matrix(0)->add_exceptions()->set_schedule_plus_1(99);
      },
      [](v1::CompiledPolicy* p) { p->mutable_groups(0)->set_parent(5); },
      [](v1::CompiledPolicy* p) { p->mutable_groups(0)->set_parent(-7); },
      [](v1::CompiledPolicy* p) { p->clear_groups(); },
      [](v1::CompiledPolicy* p) {
        p->mutable_categories(0)->add_displaces(99);
      },
      [](v1::CompiledPolicy* p) {
        while (p->categories_size() <= kMaxCategories) p->add_categories();
      },
  };
  for (size_t i = 0; i < harms.size(); ++i) {
    v1::CompiledPolicy policy = *good;
    harms[i](&policy);
    EXPECT_FALSE(PolicyTables::Make(policy).ok()) << i;
  }
}

}  // namespace
}  // namespace schoolgate::rules
