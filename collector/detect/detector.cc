#include "collector/detect/detector.h"

#include <array>

#include "collector/detect/request.h"
#include "collector/detect/transfer.h"

namespace schoolgate::collector {

Detector::Detector(DetectorOptions options)
    : ledger_(options.zone, options.policies),
      watch_({options.silent_after, options.zone}),
      accounts_(options.policies, options.owners),
      hours_(options.policies),
      policies_(options.policies) {}

std::vector<Finding> Detector::OnEvents(std::span<const StoredEvent> events,
                                        absl::Time now) {
  std::vector<Finding> found;
  for (const StoredEvent& event : events) {
    if (auto transfer = TransferOf(event, policies_)) {
      found.push_back(std::move(*transfer));
      continue;  // no contact
    }
    ledger_.Add(event);
    watch_.Add(event, found);
    accounts_.Add(event);
    hours_.Add(event);
    if (auto request = RequestOf(event)) found.push_back(std::move(*request));
  }
  for (std::vector<Finding>& settled :
       std::array{ledger_.Settle(now), accounts_.Settle()}) {
    found.insert(found.end(), std::make_move_iterator(settled.begin()),
                 std::make_move_iterator(settled.end()));
  }
  return found;
}

std::vector<Finding> Detector::OnTick(absl::Time now,
                                      std::span<const Device> devices) {
  std::vector<Finding> found;
  watch_.OnTick(now, devices, found);
  accounts_.Forget(now - kHistory);
  accounts_.OnTick(devices, found);
  hours_.Forget(now - kHistory);
  hours_.OnTick(devices, found);
  return found;
}

}  // namespace schoolgate::collector
