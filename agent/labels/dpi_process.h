// One running schoolgate-dpi, with the two rings it shares with us.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/labels/ring.h"
#include "agent/labels/wire.h"
#include "platform/child_process.h"
#include "platform/shared_memory.h"

namespace schoolgate::agent {

// Owned once: the destructor ends the process. Not thread-safe. Nothing here
// waits but Wait.
class DpiProcess {
 public:
  static absl::StatusOr<std::unique_ptr<DpiProcess>> Start(
      const std::string& program);
  ~DpiProcess();
  DpiProcess(const DpiProcess&) = delete;
  DpiProcess& operator=(const DpiProcess&) = delete;

  // False: its ring is full. It may sleep until Knock, or until kSaidTogether
  // packets lie there: being woken for each would cost more than its work.
  bool Push(const TapRecord& record, std::span<const uint8_t> payload);
  void Knock();
  // Nothing: there is none at the moment.
  std::optional<LabelRecord> Pop();

  // Until it has taken a packet from a full ring or has a label, it has ended,
  // or `patience` is over.
  void Wait(absl::Duration patience);

  // Readable when it has a word for us after MayWait, or has ended.
  int descriptor() const { return door_; }
  // Asks to be woken through the descriptor; false: there is a label already.
  bool MayWait() { return labels_.MaySleep(); }

  std::optional<int> EndedBy() { return child_.EndedBy(); }
  // Whether it wrote what no honest worker writes.
  bool broken() const {
    return broken_ || packets_.broken() || labels_.broken();
  }
  // Grows while it works; `idle` when it has nothing to do.
  uint64_t progress() { return packets_.taken(); }
  bool idle() { return packets_.AllTaken(); }
  pid_t pid() const { return child_.pid(); }

 private:
  static constexpr int kSaidTogether = 64;

  DpiProcess(platform::SharedMemory memory, platform::ChildProcess child,
             int door);
  void Ring();
  void Drain();

  platform::SharedMemory memory_;
  platform::ChildProcess child_;
  const int door_;
  RingWriter packets_;
  RingReader labels_;
  int unsaid_ = 0;  // packets pushed since the last knock
  bool broken_ = false;
};

}  // namespace schoolgate::agent
