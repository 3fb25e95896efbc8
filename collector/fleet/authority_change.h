// Exchanging the authority without visiting a device: for a while both are
// trusted, devices learn of the new one as they call, and then the old one
// goes.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "collector/store/device_store.h"

namespace schoolgate::collector {

// The collector must not run meanwhile: it reads its authority at the start.
// Each step may be cut off and done again.

// Makes a new authority beside the one in `directory`, which stays trusted
// (ca-old.crt). ALREADY_EXISTS while a change runs.
absl::Status BeginAuthorityChange(const std::string& directory,
                                  const std::string& name, absl::Time now);

// When the change that runs was begun. NOT_FOUND: none runs.
absl::StatusOr<absl::Time> AuthorityChangeBegun(const std::string& directory);

// The old authority is trusted no more. NOT_FOUND: no change runs.
absl::Status EndAuthorityChange(const std::string& directory);

// Those in use that would be shut out: whose certificate was made before
// `begun`, or that have not called since it was made and may never have got it.
std::vector<Device> DevicesLeftBehind(std::span<const Device> devices,
                                      absl::Time begun);

}  // namespace schoolgate::collector
