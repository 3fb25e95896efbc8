#include "collector/store/trace_id.h"

#include <sodium.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kTraceBytes = 16;

}  // namespace

std::string TraceIdOf(std::string_view device, uint64_t epoch,
                      uint64_t sequence) {
  // A device's name holds no slash.
  const std::string event = absl::StrCat(
      "schoolgate trace/", absl::string_view(device.data(), device.size()), "/",
      epoch, "/", sequence);
  unsigned char id[kTraceBytes];
  crypto_generichash(id, sizeof id,
                     reinterpret_cast<const unsigned char*>(event.data()),
                     event.size(), nullptr, 0);
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(id), sizeof id));
}

}  // namespace schoolgate::collector
