// What every store of agreements, published texts and books must do: more of
// small_stores_conformance_test.h, for the same test programs.
#pragma once

#include "collector/store/small_stores_conformance_test.h"

namespace schoolgate::collector {
namespace {

TEST_P(SmallStoresTest, WhatWasPublishedFirstStays) {
  auto store = Agreements();
  EXPECT_TRUE(absl::IsNotFound(store->Published("oak", "2026-05").status()));
  EXPECT_EQ(store->Publish("oak", "2026-05", "first").value(), "first");
  EXPECT_EQ(store->Publish("oak", "2026-05", "second").value(), "first");
  EXPECT_EQ(Agreements()->Published("oak", "2026-05").value(), "first");
}

// The minutes of another school, or of another kind, would be shown.
TEST_P(SmallStoresTest, WhatWasPublishedIsListedByItsBeginning) {
  auto store = Agreements();
  for (const char* period :
       {"meeting/2026-02", "meeting/2026-11", "policy/2026-11", "2026-11"}) {
    ASSERT_TRUE(store->Publish("oak", period, period).ok());
  }
  ASSERT_TRUE(store->Publish("elm", "meeting/2026-12", "elm").ok());
  const auto found = store->AllPublished("oak", "meeting/", 10).value();
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].period, "meeting/2026-11");
  EXPECT_EQ(found[1].text, "meeting/2026-02");
  EXPECT_EQ(store->AllPublished("oak", "meeting/", 1)->size(), 1u);
  EXPECT_TRUE(store->AllPublished("oak", "review/", 10)->empty());
}

TEST_P(SmallStoresTest, AnAgreementIsOfItsSchool) {
  auto store = Agreements();
  DigestAgreement agreement{
      .school = "oak", .kind = "landed/adult", .proposed_by = "lead"};
  ASSERT_TRUE(store->Put(agreement).ok());
  agreement.in_digest = true;
  agreement.proposed_by = "";
  agreement.changed_by = "lead, head";
  agreement.changed = kNow;
  ASSERT_TRUE(store->Put(agreement).ok());
  const std::vector<DigestAgreement> all = store->Agreements("oak").value();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_TRUE(all[0].in_digest);
  EXPECT_EQ(all[0].changed_by, "lead, head");
  EXPECT_EQ(all[0].changed, kNow);
  EXPECT_TRUE(store->Agreements("elm")->empty());
}

TEST_P(SmallStoresTest, ABookIsOfItsSchoolAndItsPagesAreReplaced) {
  auto store = Agreements();
  BookPage page{.school = "oak",
                .book = "contacts",
                .key = "police",
                .text = R"({"phone":"101"})",
                .changed_by = "lead",
                .changed = kNow};
  ASSERT_TRUE(store->PutPage(page).ok());
  page.text = R"({"phone":"+44 20 7946 0000"})";
  page.changed_by = "head";
  ASSERT_TRUE(store->PutPage(page).ok());
  const auto pages = Agreements()->Pages("oak", "contacts");
  ASSERT_TRUE(pages.ok()) << pages.status();
  ASSERT_EQ(pages->size(), 1u);
  EXPECT_EQ((*pages)[0].text, page.text);
  EXPECT_EQ((*pages)[0].changed_by, "head");
  EXPECT_EQ((*pages)[0].changed, kNow);
  EXPECT_TRUE(store->Pages("elm", "contacts")->empty());
  BookPage large = page;
  large.text.assign(kMostPageBytes + 1, 'x');
  EXPECT_EQ(store->PutPage(large).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::IsNotFound(store->RemovePage("elm", "contacts", "police")));
  ASSERT_TRUE(store->RemovePage("oak", "contacts", "police").ok());
  EXPECT_TRUE(absl::IsNotFound(store->RemovePage("oak", "contacts", "police")));
  EXPECT_TRUE(store->Pages("oak", "contacts")->empty());
}

}  // namespace
}  // namespace schoolgate::collector
