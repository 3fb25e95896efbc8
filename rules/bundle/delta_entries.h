// What comes with a delta: its entries, and the bits that they set in the
// filter. docs/bundle-format.md, section 5.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "proto/bundle.pb.h"
#include "rules/bundle/bucket.h"
#include "rules/bundle/name_model.h"

namespace schoolgate::rules {

// An entry that comes, without its bits: they are made when its bucket is, so
// that a device needs no memory for all of them at once.
struct Placed {
  uint64_t place;
  uint32_t begin;   // of its name in added_names
  uint32_t number;  // of its set in added_sets
};

// The entries that come, placed and in order. DATA_LOSS: they are none.
absl::StatusOr<std::vector<Placed>> PlaceAdded(const NameModel& model,
                                               const v1::BundleDelta& delta);

// One of them with its bits.
BucketEntry EntryOf(const NameModel& model, const v1::BundleDelta& delta,
                    const Placed& placed);

// The filter's bits that the delta sets, ascending. Its names have been checked
// by PlaceAdded. A device must find room for them, so they are small.
absl::StatusOr<std::vector<uint32_t>> FilterBitsToSet(
    uint64_t filter_bytes, const v1::BundleDelta& delta);

// Of a HostName's text, as the filter counts.
uint64_t FilterHashOf(absl::string_view text);

}  // namespace schoolgate::rules
