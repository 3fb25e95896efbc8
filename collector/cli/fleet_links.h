// The links of a whole simulated fleet. A link that is lost is opened again as
// devices do it: each after a wait of its own that grows with every failure.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "collector/cli/simulated_device.h"
#include "platform/backoff.h"

namespace schoolgate::collector {

struct FleetDevice {
  SimulatedIdentity identity;
  std::vector<SealedBatch> batches;
};

// Not thread-safe: one thread drives all links, gRPC's threads serve them.
class FleetLinks {
 public:
  // As many greetings at once as come by chance when machines are switched on.
  static constexpr size_t kFirstTogether = 64;

  struct Options {
    uint64_t epoch = 1;
    uint64_t seed = 1;
    double batches_per_second = 0;  // of all devices; 0: as fast as it goes
    // Called now and then by the thread that drives; may be null.
    std::function<void(const std::string& words)> progress;
    // See SimulatedLink; on a gRPC thread.
    std::function<void(absl::Duration)> acknowledged;
  };

  struct Counts {
    uint64_t opened = 0;  // links, failed ones too
    uint64_t lost = 0;    // links that ended before their time
    size_t unfinished = 0;
    std::string first_failure;
    // From the blow until everybody was greeted again.
    absl::Duration back;
  };

  // Borrows the devices.
  FleetLinks(SimulatedHome home, const std::vector<FleetDevice>& devices,
             Options options);
  ~FleetLinks();  // hangs up

  // True: everybody is greeted. Nobody sends.
  bool Connect(absl::Duration patience);

  // True: all is acknowledged and everybody is connected. `blow`, if there is
  // one, is struck once, when half of the batches are acknowledged; it returns
  // the collector's address from then on.
  bool Send(absl::Duration patience,
            const std::function<absl::StatusOr<std::string>()>& blow);

  const Counts& counts() const { return counts_; }

 private:
  struct Line {
    std::unique_ptr<SimulatedLink> link;
    platform::Backoff backoff;
    std::string nonce;
    absl::Duration next_try = absl::ZeroDuration();
    bool greeted = false;  // on this link
    bool lost = false;     // has been counted as such
    size_t allowed = 0;
  };

  bool Drive(absl::Duration patience, const std::function<bool()>& done);
  void Tend(size_t device, absl::Duration now);
  void Open(size_t device);
  void Lose(Line& line, absl::Duration now);
  void Pace(absl::Duration now);
  void Strike(const std::function<absl::StatusOr<std::string>()>& blow);
  size_t AcknowledgedBatches() const;
  void TellProgress(absl::Duration now);

  SimulatedHome home_;
  const std::vector<FleetDevice>& devices_;
  const Options options_;
  std::vector<Line> lines_;
  size_t batches_ = 0;
  size_t opening_ = 0;    // links that wait for their greeting
  size_t greeted_ = 0;    // devices on whose link the collector has answered
  bool together_ = true;  // limited by kFirstTogether
  bool sending_ = false;
  absl::Duration sending_since_;
  absl::Duration next_word_ = absl::ZeroDuration();
  absl::Duration struck_ = -absl::InfiniteDuration();
  Counts counts_;
};

}  // namespace schoolgate::collector
