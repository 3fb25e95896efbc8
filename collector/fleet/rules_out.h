// What each device is to be offered: rules by ring, deltas, signed papers.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "collector/fleet/bundle_shelf.h"
#include "collector/fleet/paper_shelf.h"
#include "collector/fleet/rollout.h"

namespace schoolgate::collector {

// Thread-safe. Answers from memory; Refresh reads the shelves again when
// somebody has published.
class RulesOut {
 public:
  // Borrows the shelves for life.
  RulesOut(const BundleShelf& bundles, const PaperShelf& papers);

  // True when something is new. Costs one small file when nothing is.
  bool Refresh();

  // For a device whose bundle file has the hash `base` (or empty).
  std::optional<v1::BundleOffer> OfferFor(const std::string& device,
                                          const std::string& school,
                                          const std::string& base) const;

  // For all, then the school's own.
  std::vector<std::shared_ptr<const ShelvedPaper>> PapersFor(
      const std::string& school) const;

 private:
  struct Shelf {
    std::optional<ShelvedBundle> current;
    std::optional<Rollout> rollout;
    std::vector<ShelvedDelta> deltas;
  };
  struct Snapshot {
    std::map<std::string, Shelf> shelves;  // by school; "" is for all
    std::map<std::string, std::vector<std::shared_ptr<const ShelvedPaper>>>
        papers;
  };

  std::shared_ptr<const Snapshot> Now() const;

  const BundleShelf& bundles_;
  const PaperShelf& papers_;
  mutable std::mutex mutex_;
  std::string mark_;                          // guarded by mutex_
  std::shared_ptr<const Snapshot> snapshot_;  // guarded by mutex_
};

}  // namespace schoolgate::collector
