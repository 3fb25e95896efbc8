// The formats behind OpenCaptureFile. Internal to platform/.
#pragma once

#include <memory>
#include <string>

#include "platform/capture_file_bytes.h"
#include "platform/packet_source.h"

namespace schoolgate::platform {

// No packet of a sound file is longer (libpcap's own limit is the same for
// all link types but USB and D-Bus); longer ones end the file as corrupt.
inline constexpr uint32_t kMaxCapturedBytes = 262144;

// Interfaces of one pcapng section.
inline constexpr size_t kMaxInterfaces = 4096;

// No block of a sound pcapng file is longer.
inline constexpr uint32_t kMaxBlockBytes = 16 * 1024 * 1024;

// LINKTYPE_* as written in files to DLT_* as libpcap tells it.
int LinkTypeToDlt(uint32_t link_type);

std::unique_ptr<PacketSource> MakePcapReader(const std::string& path,
                                             ByteWindow window);
std::unique_ptr<PacketSource> MakePcapngReader(const std::string& path,
                                               ByteWindow window);

// For the older and rarer formats. INVALID_ARGUMENT when libpcap refuses too.
absl::StatusOr<std::unique_ptr<PacketSource>> OpenWithLibpcap(
    const std::string& path);

}  // namespace schoolgate::platform
