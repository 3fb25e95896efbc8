// Times as the tables hold them: microseconds since 1970.
#pragma once

#include <cstdint>

#include "absl/time/time.h"

namespace schoolgate::collector {

inline int64_t ToMicros(absl::Time time) {
  if (time == absl::InfinitePast()) return INT64_MIN;
  if (time == absl::InfiniteFuture()) return INT64_MAX;
  return absl::ToUnixMicros(time);
}

inline absl::Time FromMicros(int64_t micros) {
  if (micros == INT64_MIN) return absl::InfinitePast();
  if (micros == INT64_MAX) return absl::InfiniteFuture();
  return absl::FromUnixMicros(micros);
}

}  // namespace schoolgate::collector
