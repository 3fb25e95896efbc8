// Tokens with which a program fetches alerts: "sgf1.ID.SECRET".
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "collector/store/feed_store.h"

namespace schoolgate::collector {

struct NewFeedToken {
  FeedToken stored;
  std::string text;  // shown once
};

NewFeedToken MakeFeedToken(const std::string& account, absl::Time now);

// PERMISSION_DENIED for all that is no valid token, whatever the reason.
absl::StatusOr<FeedToken> CheckFeedToken(const std::string& text,
                                         FeedStore& store);

}  // namespace schoolgate::collector
