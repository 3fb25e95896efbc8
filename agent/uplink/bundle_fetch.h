// Rules on their way in: an offered bundle, by a delta where there is one, and
// papers. Nothing here judges them; the agent does.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "proto/uplink.pb.h"

namespace schoolgate::agent {

// Makes the context of a call; the one before is not used any more.
using NewContext = std::function<grpc::ClientContext&()>;

// Brings the offered bundle into `folder` as VERSION-HASH.bundle (or .trial).
// With a delta from the bundle at `base` only that is fetched, and applied
// here, at low priority; whatever goes wrong with it, the whole bundle is
// fetched. *by_delta says which it was.
absl::Status BringBundle(grpc::Channel& channel, const v1::BundleOffer& offer,
                         const std::string& base, const std::string& folder,
                         const NewContext& context, bool* by_delta);

inline constexpr size_t kMostPaperBytes = 512 << 10;
// Papers that wait for the agent; more are left to the next contact.
inline constexpr size_t kMostPapersWaiting = 200;

// Lays the paper down for the agent; one that lies there already stays.
// RESOURCE_EXHAUSTED when it is too long or too many wait.
absl::Status LayDownPaper(const v1::Paper& paper, const std::string& folder);

}  // namespace schoolgate::agent
