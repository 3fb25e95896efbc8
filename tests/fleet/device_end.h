// A device of the simulation: the real spool on a disk in memory, the real
// session of the uplink; its power, programs, disk, clock and network fail.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/spool/spool_reader.h"
#include "agent/spool/spool_writer.h"
#include "agent/uplink/session.h"
#include "collector/store/event_store.h"
#include "platform/sim/memory_directory.h"
#include "proto/seal/keys.h"
#include "tests/fleet/collector_end.h"
#include "tests/fleet/timeline.h"
#include "tests/fleet/wire.h"

namespace schoolgate::tests {

class DeviceEnd {
 public:
  static constexpr absl::Duration kTurn = absl::Milliseconds(250);

  DeviceEnd(std::string name, absl::Time base, Timeline& timeline,
            CollectorEnd& collector, std::mt19937_64& random);

  const std::string& name() const { return name_; }

  // Starts it, and goes on for ever.
  void Begin();

  // From now on nothing fails any more; what is broken is mended.
  void Heal();

  // Whether everything that it had to tell is told.
  bool drained();

  // "" or the first thing that must not happen. `stored`: this device's events,
  // in order of arrival.
  std::string Judge(const std::vector<collector::StoredEvent>& stored) const;

  uint64_t power_cuts() const { return power_cuts_; }
  uint64_t promised() const { return promised_.size(); }

 private:
  using Place = std::pair<uint64_t, uint64_t>;  // epoch, sequence

  bool Chance(uint64_t one_in) { return !healed_ && random_() % one_in == 0; }
  absl::Duration Up() const { return timeline_.now() - booted_; }

  void PowerOn();
  void PowerOff();
  void StartAgent();
  void StartUplink();
  void Turn();
  void Misfortune();
  void BreakDisk();
  void BreakNetwork();
  void Write();
  void NoteDurable(bool urgent, Place place, uint64_t number);
  void Sync();
  void Carry(agent::Actions actions);
  void Dial();
  void Send(v1::FromDevice message);
  void Received(const v1::ToDevice& message);
  void Lost();
  void AddFacts(v1::Hello* hello) const;
  std::string JudgeStored(const std::map<Place, const v1::Event*>& found) const;

  const std::string name_;
  const absl::Time base_;
  Timeline& timeline_;
  CollectorEnd& collector_;
  std::mt19937_64& random_;
  const seal::SigningKey key_ = seal::SigningKey::Generate();
  const bool tight_;  // a small quota

  platform::MemoryDisk disk_;
  std::unique_ptr<platform::Directory> root_;
  std::unique_ptr<agent::SpoolWriter> writer_;
  std::unique_ptr<agent::SpoolReader> reader_;
  std::unique_ptr<agent::Session> session_;
  std::shared_ptr<Wire> wire_;

  bool healed_ = false;
  bool on_ = false;
  int boot_ = 0;
  absl::Duration booted_;
  absl::Duration clock_error_;
  absl::Duration network_back_;  // until then there is none
  absl::Duration disk_back_;
  std::string nonce_;

  uint64_t number_ = 0;
  std::vector<std::pair<Place, uint64_t>> pending_;  // not synced yet
  std::map<Place, uint64_t> promised_;
  std::set<Place> flying_;        // sent on this wire, not acknowledged yet
  std::set<Place> acknowledged_;  // may not be missing, whatever happened
  bool may_lose_ = false;         // its disk was too small for some time
  uint64_t power_cuts_ = 0;
};

}  // namespace schoolgate::tests
