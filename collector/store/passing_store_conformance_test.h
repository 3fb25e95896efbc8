// What every PassingStore must do. A test program includes this once and says
// at its end which it means.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "collector/store/passing_store.h"
#include "collector/store/scratch_test.h"

namespace schoolgate::collector {
namespace {

using OpenPassingStore =
    std::function<std::unique_ptr<PassingStore>(const std::string& place)>;

class PassingStoreTest : public testing::TestWithParam<OpenPassingStore> {
 protected:
  static constexpr absl::Duration kNow = absl::Hours(100);  // since boot

  void Put(const std::string& kind, const Passing& one) {
    ASSERT_TRUE(
        store_->Change(kind, kNow, [&](auto& all) { all.push_back(one); })
            .ok());
  }
  std::vector<std::string> Keys(const std::string& kind) {
    std::vector<std::string> keys;
    EXPECT_TRUE(store_
                    ->Change(kind, kNow,
                             [&](auto& all) {
                               for (const Passing& one : all) {
                                 keys.push_back(one.key);
                               }
                             })
                    .ok());
    return keys;
  }

  Scratch scratch_;
  const std::unique_ptr<PassingStore> store_ = GetParam()(scratch_.path());
};

TEST_P(PassingStoreTest, WhatWasPutIsThereUntilItIsTaken) {
  std::string every;
  for (int byte = 0; byte < 256; ++byte) every += static_cast<char>(byte);
  Put("a", {.key = every, .owner = "lead", .body = every});
  Put("b", {.key = every, .body = "another kind"});
  const auto found = store_->Get("a", every, kNow);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->key, every);
  EXPECT_EQ(found->owner, "lead");
  EXPECT_EQ(found->body, every);
  EXPECT_EQ(store_->Take("a", every, kNow)->body, every);
  EXPECT_TRUE(absl::IsNotFound(store_->Take("a", every, kNow).status()));
  EXPECT_TRUE(absl::IsNotFound(store_->Get("a", every, kNow).status()));
  EXPECT_EQ(store_->Get("b", every, kNow)->body, "another kind");
  EXPECT_TRUE(absl::IsNotFound(store_->Get("c", every, kNow).status()));
}

// Sessions and requests would never end, or all at once.
TEST_P(PassingStoreTest, AgesGoOnAndATouchIsNoNewBegin) {
  Put("a", {.key = "old", .age = absl::Hours(2), .quiet = absl::Hours(1)});
  const absl::Duration later = kNow + absl::Seconds(1);
  auto found = store_->Get("a", "old", later).value();
  EXPECT_GE(found.age, absl::Hours(2));
  EXPECT_LT(found.age, absl::Hours(2) + absl::Minutes(5));
  EXPECT_GE(found.quiet, absl::Hours(1));
  EXPECT_LT(found.quiet, absl::Hours(1) + absl::Minutes(5));
  ASSERT_TRUE(store_->Touch("a", "old", later).ok());
  ASSERT_TRUE(store_->Touch("a", "nobody", later).ok());
  found = store_->Get("a", "old", later).value();
  EXPECT_GE(found.age, absl::Hours(2));
  EXPECT_LT(found.quiet, absl::Minutes(5));
  EXPECT_THAT(Keys("a"), testing::ElementsAre("old"));
}

TEST_P(PassingStoreTest, AChangeSeesTheOldestFirstAndMayDoAnything) {
  Put("a", {.key = "young", .age = absl::Minutes(1)});
  Put("a", {.key = "oldest", .body = "x", .age = absl::Minutes(3)});
  Put("a", {.key = "middle", .age = absl::Minutes(2)});
  Put("ab", {.key = "other"});
  EXPECT_THAT(Keys("a"), testing::ElementsAre("oldest", "middle", "young"));
  ASSERT_TRUE(store_
                  ->Change("a", kNow,
                           [](auto& all) {
                             all[0].body = "y";
                             all.pop_back();
                           })
                  .ok());
  EXPECT_THAT(Keys("a"), testing::ElementsAre("oldest", "middle"));
  EXPECT_EQ(store_->Get("a", "oldest", kNow)->body, "y");
  EXPECT_THAT(Keys("ab"), testing::ElementsAre("other"));
}

// Of two who agree, or ask for the same, at the same moment at different
// collectors, one would be forgotten.
TEST_P(PassingStoreTest, NobodysChangeIsLostAndOneTakes) {
  constexpr int kThreads = 4, kRounds = 20;
  Put("a", {.key = "count", .body = "0"});
  Put("a", {.key = "prize"});
  std::atomic<int> prizes{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < kRounds; ++round) {
        EXPECT_TRUE(store_
                        ->Change("a", kNow,
                                 [](auto& all) {
                                   for (Passing& one : all) {
                                     int count = 0;
                                     if (one.key != "count" ||
                                         !absl::SimpleAtoi(one.body, &count)) {
                                       continue;
                                     }
                                     one.body = absl::StrCat(count + 1);
                                   }
                                 })
                        .ok());
        if (store_->Take("a", "prize", kNow).ok()) ++prizes;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(store_->Get("a", "count", kNow)->body,
            absl::StrCat(kThreads * kRounds));
  EXPECT_EQ(prizes, 1);
}

}  // namespace
}  // namespace schoolgate::collector
