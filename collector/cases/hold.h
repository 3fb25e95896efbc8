// The events behind an alert, and keeping them while it is held.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/store/alert_store.h"
#include "collector/store/event_store.h"
#include "collector/store/held_events.h"

namespace schoolgate::collector {

// The stored events that the alert's evidence comes from, by (device, epoch,
// sequence): those kept under a hold and those not erased yet. `held` may be
// null.
absl::StatusOr<std::vector<StoredEvent>> EventsBehind(const v1::Alert& alert,
                                                      EventStore& events,
                                                      HeldEvents* held);

// To be called before events are erased: copies what is behind every held
// alert. When it fails nothing may be erased.
absl::Status KeepHeldEvents(AlertStore& alerts, EventStore& events,
                            HeldEvents& held);

}  // namespace schoolgate::collector
