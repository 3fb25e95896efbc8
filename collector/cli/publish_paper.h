// Publishing what is no bundle: lesson passes, emergency blocks, timestamps
// and rotated trust roots.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "collector/cli/data_directory.h"
#include "collector/fleet/paper_shelf.h"
#include "rules/trust/trust_root.h"

namespace schoolgate::collector {

// The newest root of a root file. NOT_FOUND says how to store one.
absl::StatusOr<rules::TrustRoot> NewestRoot(const std::string& file);

struct PublishedPaper {
  std::string what;  // "lesson pass", "emergency block", ...
  std::string id;
  absl::Time ends = absl::InfiniteFuture();
  std::string words;  // one sentence
};

// Nothing when the file is neither an order nor a root. Verifies as a device
// would, as far as that goes without its bundle: signatures, school, time. A
// root must continue the chain that is stored, and is stored in its place.
absl::StatusOr<std::optional<PublishedPaper>> PublishPaper(
    const DataDirectory& directory, const std::string& file,
    const std::string& root_file, const std::string& school, absl::Time now);

// The same for an order that was handed over as text.
absl::StatusOr<PublishedPaper> PublishOrderText(const DataDirectory& directory,
                                                const std::string& text,
                                                const std::string& school,
                                                absl::Time now);

}  // namespace schoolgate::collector
