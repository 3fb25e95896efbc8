// Packets that the kernel's packet filter copies to a log group: the first of
// each flow, with the sender's uid.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "platform/packet_source.h"

namespace schoolgate::platform {

inline constexpr uint16_t kLogGroup = 7078;  // unless the configuration says
inline constexpr char kLogTable[] = "schoolgate_log";

// Reads the group and keeps the table that feeds it (platform/log_table.h) in
// place; `kept` as InstallLogTable's. Errors as InstallLogTable's, and
// ALREADY_EXISTS when another program reads the group.
absl::StatusOr<std::unique_ptr<PacketSource>> OpenNflog(uint16_t group,
                                                        int kept = -1);

}  // namespace schoolgate::platform
