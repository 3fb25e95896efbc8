#include "agent/uplink/bundle_fetch.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "agent/uplink/calls.h"
#include "platform/quiet_thread.h"
#include "platform/whole_file.h"
#include "proto/seal/hash.h"
#include "proto/seal/keys.h"
#include "rules/bundle/delta.h"

namespace schoolgate::agent {
namespace {

namespace fs = std::filesystem;

bool EndsAsPaper(const fs::path& path) {
  return path.extension() == ".order" || path.extension() == ".root";
}

// OK: the bundle lies at `made`, with the offered hash.
absl::Status MakeFromDelta(grpc::Channel& channel, const v1::BundleOffer& offer,
                           const std::string& base, const std::string& folder,
                           const std::string& made,
                           grpc::ClientContext& context) {
  if (HashOfFile(base) != offer.delta_base()) {
    return absl::FailedPreconditionError("delta: from other rules than ours");
  }
  const std::string name = seal::ToHex(offer.delta_hash()) + ".delta";
  const std::string delta = absl::StrCat(folder, "/", name);
  absl::Status status = FetchFile(channel, offer.delta_hash(),
                                  offer.delta_bytes(), folder, name, context);
  if (!status.ok()) return status;
  platform::LowerThreadPriority();
  status = rules::ApplyDelta(base, delta, made).status();
  std::error_code ignored;
  fs::remove(delta, ignored);
  if (status.ok() && HashOfFile(made) != offer.hash()) {
    status = absl::DataLossError("delta: leads to something else");
  }
  if (!status.ok()) fs::remove(made, ignored);
  return status;
}

}  // namespace

absl::Status BringBundle(grpc::Channel& channel, const v1::BundleOffer& offer,
                         const std::string& base, const std::string& folder,
                         const NewContext& context, bool* by_delta) {
  const std::string name = absl::StrCat(offer.version(), "-",
                                        seal::ToHex(offer.hash()).substr(0, 16),
                                        offer.trial() ? ".trial" : ".bundle");
  *by_delta = false;
  if (!offer.delta_hash().empty()) {
    const std::string made = absl::StrCat(folder, "/", name, ".made");
    if (MakeFromDelta(channel, offer, base, folder, made, context()).ok()) {
      std::error_code error;
      fs::rename(made, absl::StrCat(folder, "/", name), error);
      *by_delta = !error;
      if (*by_delta) return absl::OkStatus();
    }
  }
  return FetchFile(channel, offer.hash(), offer.size_bytes(), folder, name,
                   context());
}

absl::Status LayDownPaper(const v1::Paper& paper, const std::string& folder) {
  if (paper.text().size() > kMostPaperBytes) {
    return absl::ResourceExhaustedError(
        "order: longer than any: not handed to the agent");
  }
  std::error_code error;
  const auto waiting = std::count_if(fs::directory_iterator(folder, error),
                                     fs::directory_iterator(),
                                     [](const fs::directory_entry& entry) {
                                       return EndsAsPaper(entry.path());
                                     });
  if (static_cast<size_t>(waiting) >= kMostPapersWaiting) {
    return absl::ResourceExhaustedError(
        "orders: too many wait for the agent: is it running?");
  }
  seal::Hasher hasher;
  hasher.Add(paper.text());
  const bool root = paper.kind() == v1::Paper::KIND_ROOT;
  return platform::ReplaceFile(
      absl::StrCat(folder, "/", seal::ToHex(hasher.Finish()).substr(0, 32),
                   root ? ".root" : ".order"),
      paper.text(), 0600);
}

}  // namespace schoolgate::agent
