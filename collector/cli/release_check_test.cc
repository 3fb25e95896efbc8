// What every device would refuse must not be offered to all of them: a version
// that leaps blocks all that come after it.
#include "collector/cli/release_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "collector/cli/data_directory.h"
#include "collector/cli/program_test.h"
#include "collector/cli/setup.h"
#include "collector/store/scratch_test.h"
#include "platform/clock.h"
#include "rules/trust/example/example_school.h"

namespace schoolgate::collector {
namespace {

using rules::Holder;
using testing::HasSubstr;

class ReleaseTest : public testing::Test {
 protected:
  ReleaseTest() {
    rules::WriteBytes(scratch_.File("root.txt"), rules::ExampleRootFile());
    SetupRequest request;
    request.directory = directory_;
    request.school = "Oak";
    request.rules_root = scratch_.File("root.txt");
    const auto made = collector::SetUp(request, platform::SystemClock().Now());
    EXPECT_TRUE(made.ok()) << made.status();
    // The example's own days may be over.
    bundle_.issued = platform::SystemClock().Now();
    bundle_.expires = bundle_.issued + absl::Hours(24);
  }

  Done Publish(uint64_t version, const std::string& more = "") {
    bundle_.version = version;
    const std::string file =
        scratch_.File(absl::StrCat("v", version, ".bundle"));
    rules::WriteExample(file, bundle_);
    return RunVerb("publish", directory_.path, absl::StrCat(file, " ", more));
  }

  uint64_t Current() {
    const auto label = BundleShelf(directory_.Bundles()).Current("");
    return label ? label->version : 0;
  }

  Scratch scratch_;
  const DataDirectory directory_{scratch_.path() + "/data"};
  rules::ExampleBundle bundle_;
};

TEST_F(ReleaseTest, AVersionThatLeapsIsNotOffered) {
  EXPECT_EQ(Publish(10).code, 0);
  const Done leaps = Publish(20261130);
  EXPECT_EQ(leaps.code, 1);
  EXPECT_THAT(leaps.text, HasSubstr("leaps from 10 by more than 100: build it "
                                    "with a version from 11 to 110"));
  EXPECT_EQ(Publish(20261130, "--rings").code, 1);
  EXPECT_EQ(Current(), 10u);
  // Nothing stands in the way of the right one.
  EXPECT_EQ(Publish(110).code, 0);
  EXPECT_EQ(Publish(110).code, 0) << "again";
  EXPECT_EQ(Publish(11).code, 1);
  EXPECT_EQ(Current(), 110u);
}

// Whatever root's mask is, for which `doctor` would say that keys are to be
// replaced.
TEST_F(ReleaseTest, NobodyElseMayReadWhatAVerbMakes) {
  EXPECT_EQ(Publish(10).code, 0);
  EXPECT_EQ(Publish(11).code, 0);
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(directory_.path)) {
    EXPECT_EQ(entry.status().permissions() & std::filesystem::perms(0077),
              std::filesystem::perms(0))
        << entry.path();
  }
}

TEST_F(ReleaseTest, WhatExpiredIsNotOffered) {
  EXPECT_EQ(Publish(10).code, 0);
  bundle_.expires = platform::SystemClock().Now() - absl::Hours(1);
  const Done done = Publish(11);
  EXPECT_EQ(done.code, 1);
  EXPECT_THAT(done.text, HasSubstr("devices would refuse it: it expired on"));
  EXPECT_EQ(Current(), 10u);
}

TEST_F(ReleaseTest, OneOrganisationAloneMayNotLoosen) {
  bundle_.release = {Holder::kProviderAda, Holder::kProviderBen};
  EXPECT_THAT(Publish(9).text, HasSubstr("first rules need provider and"));
  bundle_.release = {Holder::kProviderAda, Holder::kSchoolHead};
  EXPECT_EQ(Publish(10).code, 0);
  bundle_.release = {Holder::kProviderAda, Holder::kProviderBen};
  const auto hosts = bundle_.hosts;
  ASSERT_FALSE(hosts.empty());
  bundle_.hosts["one.more.example"] = {"gambling"};
  const Done tighter = Publish(11);
  EXPECT_EQ(tighter.code, 0) << tighter.text;
  EXPECT_THAT(tighter.text, HasSubstr("let the other sign it as well"));
  bundle_.hosts = hosts;
  const Done looser = Publish(12);
  EXPECT_EQ(looser.code, 1);
  EXPECT_THAT(looser.text, HasSubstr("devices would refuse it"));
  EXPECT_EQ(Current(), 11u);
}

TEST_F(ReleaseTest, ARefusalSaysWhatToDo) {
  const auto publish = [&](const std::string& file) {
    const Done done = RunVerb("publish", directory_.path, file);
    EXPECT_EQ(done.code, 1) << file;
    return done.text;
  };
  const std::string start = "schoolgate-collector: " + scratch_.path();
  EXPECT_EQ(publish(scratch_.File("none")),
            start +
                "/none: cannot open: No such file or directory: check the "
                "path\n");
  rules::WriteBytes(scratch_.File("words"), "kind: policy\n");
  EXPECT_EQ(publish(scratch_.File("words")),
            start +
                "/words: is not a rule bundle: give what "
                "`schoolgate-rules` has made and signed\n");
  bundle_.release = {Holder::kProviderAda};
  EXPECT_THAT(Publish(10).text,
              HasSubstr("1 of the 2 needed for release are good: let the "
                        "others who must sign it"));
  v1::TrustRoot next = rules::ExampleRoot();
  next.set_version(2);
  v1::RootChain chain;
  *chain.add_roots() = rules::SignRoot(next, {Holder::kProviderAda});
  rules::WriteBytes(scratch_.File("root-2.txt"), rules::RootFileText(chain));
  const std::string half = publish(scratch_.File("root-2.txt"));
  EXPECT_THAT(half, testing::StartsWith(start + "/root-2.txt: "));
  EXPECT_THAT(half, HasSubstr(": let the others who must sign it"));
}

// Devices believe nothing but the root: one that is none, is not signed by all
// who must, or is older than ours would be noticed when thousands have it.
TEST_F(ReleaseTest, SetupTakesOnlyAWholeRootThatIsNotOlder) {
  const std::string known = rules::ReadBytes(directory_.RulesRoot());
  const auto set_up = [&](const std::string& file) {
    return RunVerb("setup", directory_.path, "--school Oak --root " + file);
  };
  rules::WriteExample(scratch_.File("a.bundle"), bundle_);
  v1::RootChain chain;
  *chain.add_roots() =
      rules::SignRoot(rules::ExampleRoot(), {Holder::kProviderAda});
  rules::WriteBytes(scratch_.File("half.txt"), rules::RootFileText(chain));
  for (const char* wrong : {"a.bundle", "half.txt"}) {
    const Done done = set_up(scratch_.File(wrong));
    EXPECT_EQ(done.code, 1) << wrong;
    EXPECT_THAT(done.text, HasSubstr("calls complete")) << wrong;
    EXPECT_EQ(rules::ReadBytes(directory_.RulesRoot()), known) << wrong;
  }
  EXPECT_EQ(set_up(scratch_.File("root.txt")).code, 0) << "again";
  const std::vector<Holder> signers = {
      Holder::kProviderAda, Holder::kSchoolHead, Holder::kSchoolLead};
  chain.clear_roots();
  *chain.add_roots() = rules::SignRoot(rules::ExampleRoot(), signers);
  v1::TrustRoot next = rules::ExampleRoot();
  next.set_version(2);
  *chain.add_roots() = rules::SignRoot(next, signers);
  rules::WriteBytes(scratch_.File("root-2.txt"), rules::RootFileText(chain));
  EXPECT_EQ(set_up(scratch_.File("root-2.txt")).code, 0);
  const Done older = set_up(scratch_.File("root.txt"));
  EXPECT_EQ(older.code, 1);
  EXPECT_THAT(older.text, HasSubstr("is older than the one here, 2"));
}

}  // namespace
}  // namespace schoolgate::collector
