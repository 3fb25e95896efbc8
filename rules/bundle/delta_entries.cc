#include "rules/bundle/delta_entries.h"

#include <algorithm>

#include "absl/strings/str_split.h"
#include "rules/bundle/host_name.h"
#include "rules/bundle/name_filter.h"

namespace schoolgate::rules {
namespace {

std::string_view NameOf(const v1::BundleDelta& delta, const Placed& placed) {
  const std::string_view rest =
      std::string_view(delta.added_names()).substr(placed.begin);
  return rest.substr(0, rest.find('\n'));
}

}  // namespace

uint64_t FilterHashOf(absl::string_view text) {
  const std::string_view name(text.data(), text.size());
  return HashName(name, IsAddress(name));
}

absl::StatusOr<std::vector<uint32_t>> FilterBitsToSet(
    uint64_t filter_bytes, const v1::BundleDelta& delta) {
  if (filter_bytes > UINT32_MAX / 8) {
    return absl::FailedPreconditionError(
        "delta: the filter is too large for one: fetch the whole bundle");
  }
  std::vector<uint32_t> bits;
  bits.reserve(static_cast<size_t>(delta.added_sets_size()) * kFilterBits +
               static_cast<size_t>(delta.filter_gaps_size()));
  if (delta.added_sets_size() > 0) {
    for (const absl::string_view name :
         absl::StrSplit(absl::string_view(delta.added_names()), '\n')) {
      for (const uint64_t bit :
           FilterBitsIn(filter_bytes, FilterHashOf(name))) {
        bits.push_back(static_cast<uint32_t>(bit));
      }
    }
  }
  uint64_t next = 0;
  for (const uint64_t gap : delta.filter_gaps()) {
    if (next >= filter_bytes * 8 || gap >= filter_bytes * 8 - next) {
      return absl::DataLossError(
          "delta: marks what is no part of the filter: fetch the whole bundle");
    }
    bits.push_back(static_cast<uint32_t>(next + gap));
    next += gap + 1;
  }
  std::sort(bits.begin(), bits.end());
  return bits;
}

BucketEntry EntryOf(const NameModel& model, const v1::BundleDelta& delta,
                    const Placed& placed) {
  const std::string_view name = NameOf(delta, placed);
  BucketEntry entry;
  const BitRun tail = model.TailOf(name, IsAddress(name), &entry.place);
  entry.tail = tail.Bytes();
  entry.tail_bits = static_cast<uint32_t>(tail.size());
  entry.set = delta.added_sets(static_cast<int>(placed.number));
  return entry;
}

absl::StatusOr<std::vector<Placed>> PlaceAdded(const NameModel& model,
                                               const v1::BundleDelta& delta) {
  std::vector<Placed> added;
  added.reserve(static_cast<size_t>(delta.added_sets_size()));
  const absl::string_view names(delta.added_names());
  int i = 0;
  if (delta.added_sets_size() > 0) {
    for (const absl::string_view text : absl::StrSplit(names, '\n')) {
      const std::string_view name(text.data(), text.size());
      const auto host = HostName::Parse(name);
      if (i >= delta.added_sets_size() || !host.has_value() ||
          host->text() != name || model.RootNumber(name) >= 0) {
        return absl::DataLossError(
            "delta: names what is no host: fetch the whole bundle");
      }
      added.push_back({model.PlaceOfName(name, host->is_address()),
                       static_cast<uint32_t>(text.data() - names.data()),
                       static_cast<uint32_t>(i++)});
    }
  }
  if (i != delta.added_sets_size()) {
    return absl::DataLossError(
        "delta: has more sets than hosts: fetch the whole bundle");
  }
  std::sort(added.begin(), added.end(), [&](const Placed& a, const Placed& b) {
    if (a.place != b.place) return a.place < b.place;
    return EntryOf(model, delta, a) < EntryOf(model, delta, b);
  });
  return added;
}

}  // namespace schoolgate::rules
