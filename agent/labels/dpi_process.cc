#include "agent/labels/dpi_process.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "platform/wait.h"

namespace schoolgate::agent {

absl::StatusOr<std::unique_ptr<DpiProcess>> DpiProcess::Start(
    const std::string& program) {
  auto memory = platform::SharedMemory::Make(SharedBytes());
  if (!memory.ok()) return memory.status();
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
                 ends) != 0) {
    return absl::ErrnoToStatus(errno, "schoolgate-dpi: no socket pair");
  }
  auto child = platform::ChildProcess::Start(
      {program}, std::array{memory->descriptor(), ends[1]});
  close(ends[1]);
  if (!child.ok()) {
    close(ends[0]);
    return child.status();
  }
  return std::unique_ptr<DpiProcess>(
      new DpiProcess(*std::move(memory), *std::move(child), ends[0]));
}

DpiProcess::DpiProcess(platform::SharedMemory memory,
                       platform::ChildProcess child, int door)
    : memory_(std::move(memory)),
      child_(std::move(child)),
      door_(door),
      packets_(memory_.bytes().first(kPacketRing.bytes()), kPacketRing),
      labels_(memory_.bytes().subspan(kPacketRing.bytes()), kLabelRing) {}

DpiProcess::~DpiProcess() { close(door_); }

bool DpiProcess::Push(const TapRecord& record,
                      std::span<const uint8_t> payload) {
  const size_t kept = std::min(payload.size(), kMostTapPayload);
  if (!packets_.Push(std::as_bytes(std::span(&record, 1)),
                     std::as_bytes(payload.first(kept)))) {
    return false;
  }
  if (++unsaid_ >= kSaidTogether) Knock();
  return true;
}

void DpiProcess::Knock() {
  if (std::exchange(unsaid_, 0) == 0) return;
  if (packets_.ReaderSleeps()) Ring();
}

std::optional<LabelRecord> DpiProcess::Pop() {
  std::array<std::byte, kLabelRing.slot_bytes> room;
  const std::span<const std::byte> bytes = labels_.Pop(room);
  if (bytes.empty()) return std::nullopt;
  if (labels_.WriterSleeps()) Ring();
  const auto record = ReadLabelRecord(bytes);
  if (!record) broken_ = true;
  return record;
}

void DpiProcess::Wait(absl::Duration patience) {
  Knock();
  const bool packets_wait = !packets_.HasRoom();
  if ((packets_wait && !packets_.MaySleep()) || broken()) return;
  if (labels_.MaySleep()) platform::WaitReadable({&door_, 1}, patience);
  labels_.Awake();
  packets_.Awake();
  Drain();
}

void DpiProcess::Ring() {
  const char ring = 1;
  // A full door means that it will wake anyway; a closed one shows elsewhere.
  (void)!send(door_, &ring, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void DpiProcess::Drain() {
  char rings[64];
  (void)!recv(door_, rings, sizeof rings, MSG_DONTWAIT);
}

}  // namespace schoolgate::agent
