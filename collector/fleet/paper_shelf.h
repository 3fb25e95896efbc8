// Signed orders and the chain of trust roots, for devices: small texts, kept
// for each school or for all.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proto/uplink.pb.h"

namespace schoolgate::collector {

// What a paper is, as whoever verified it says.
struct PaperFacts {
  v1::Paper::Kind kind = v1::Paper::KIND_UNSPECIFIED;
  // "root", "timestamp", "pass-1f2e", "block-77ab": a paper of the same name
  // takes the place of the one before. Letters, digits, '-'.
  std::string name;
  absl::Time ends = absl::InfiniteFuture();  // nobody is handed it after that
};

struct ShelvedPaper {
  PaperFacts facts;
  v1::Paper paper;
};

// A directory; any number of processes may read and place. Thread-safe.
class PaperShelf {
 public:
  static constexpr size_t kMostPapers = 200;  // of one school

  explicit PaperShelf(std::string directory)
      : directory_(std::move(directory)) {}

  // `school` empty: for all. What has ended by `now` is cleared away.
  // RESOURCE_EXHAUSTED when kMostPapers are in force.
  absl::Status Place(const PaperFacts& facts, const std::string& text,
                     const std::string& school, absl::Time now) const;

  // In the order in which a device should get them: root, timestamp, others.
  std::vector<std::shared_ptr<const ShelvedPaper>> Load(
      const std::string& school) const;

  // Ids of the schools that have papers of their own.
  std::vector<std::string> Schools() const;

 private:
  std::string Folder(const std::string& school) const;

  const std::string directory_;
};

// Letters and digits of any text, for PaperFacts::name.
std::string PaperName(const std::string& kind, const std::string& id);

}  // namespace schoolgate::collector
