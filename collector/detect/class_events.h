// Many devices of a school contacting the same service within minutes is a
// lesson, a link on a page or a fault: one record, nobody's misuse.
#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "collector/detect/act.h"
#include "collector/detect/finding.h"

namespace schoolgate::collector {

// Not thread-safe. The order in which acts are added does not matter.
class ClassEvents {
 public:
  static constexpr size_t kDevices = 5;
  static constexpr absl::Duration kWindow = absl::Minutes(10);
  // The same page brings in the same service on this many devices: an embed.
  static constexpr size_t kPairDevices = 3;
  static constexpr size_t kMostSightings = 4096;  // a service
  static constexpr size_t kMostPairs = 200'000;

  // Who did what: a school's subject.
  using SubjectId = std::pair<std::string, std::string>;

  explicit ClassEvents(absl::TimeZone zone) : zone_(zone) {}

  // Returns the subjects whose acts must be looked at again.
  std::set<SubjectId> Add(const SubjectId& who, const std::string& category,
                          const Act& act);

  // The act belongs to a class event, or its page brings in the service on
  // many devices.
  bool Excuses(const std::string& school, const Act& act) const;

  // Class events new or grown since the last call.
  std::vector<Finding> Settle();

  void Forget(absl::Time before);

 private:
  struct Sighting {
    absl::Time start;
    SharedText device;
    SharedText subject;
    SharedText category;
    SharedText host;
    uint64_t epoch = 0, sequence = 0;
    v1::Action action = v1::ACTION_UNSPECIFIED;

    bool operator<(const Sighting& other) const {
      return std::tie(start, device, epoch, sequence) <
             std::tie(other.start, other.device, other.epoch, other.sequence);
    }
  };
  using Service = std::pair<std::string, std::string>;  // school, service
  using Pair = std::tuple<std::string, uint64_t, std::string>;
  using Sightings = std::set<Sighting>;
  struct Bringing {
    std::set<std::string> devices;  // the first kPairDevices
    absl::Time last;
  };

  void SettleService(const Service& service, std::vector<Finding>& out);

  absl::TimeZone zone_;
  std::map<Service, Sightings> sightings_;
  std::map<Pair, Bringing> pairs_;
  std::set<Service> touched_;
  std::map<Service, std::string> told_;
};

}  // namespace schoolgate::collector
