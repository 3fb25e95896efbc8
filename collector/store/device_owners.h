// Whose device is whose: the aliases of those whose log-ins belong on a device
// that the school gave to one person, and of those who look after all of them.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "collector/store/agreement_store.h"
#include "collector/store/device_store.h"
#include "platform/clock.h"

namespace schoolgate::collector {

// Two who share a post, and their deputies.
inline constexpr size_t kMostOwners = 4;
// Of the IT support, at one school.
inline constexpr size_t kMostSupporters = 50;

struct Owned {
  std::vector<std::string> aliases;
  std::string by;  // account; "system": the command line
  absl::Time since = absl::InfinitePast();
};

// Of one school. A value.
class SchoolOwners {
 public:
  // Null: the device is nobody's own.
  const Owned* Of(const Device& device) const;
  const Owned* ByKey(const std::string& key) const;

  // Null: nobody is named.
  const Owned* Support() const;

  // Whether a log-in with this alias has a right to be there: also where the
  // device is nobody's own.
  bool Fits(const Device& device, std::string_view alias) const;

  // All aliases that fit; empty where it is nobody's own.
  std::vector<std::string> AliasesFor(const Device& device) const;

  size_t size() const { return owned_.size(); }

 private:
  friend absl::StatusOr<SchoolOwners> OwnersOf(AgreementStore& store,
                                               const std::string& school);
  std::map<std::string, Owned> owned_;
};

// What a device is known by in the register: its inventory number, so that a
// computer made anew stays its owner's; its id where it has none.
std::string OwnerKey(const Device& device);
std::string OwnerKeyOfNumber(std::string_view inventory_number);
// Of those who look after all devices.
std::string SupportKey();

absl::StatusOr<SchoolOwners> OwnersOf(AgreementStore& store,
                                      const std::string& school);

// `aliases` in the place of those that were there; none: it is nobody's own.
// INVALID_ARGUMENT for too many.
absl::Status PutOwners(AgreementStore& store, const std::string& school,
                       const std::string& key,
                       const std::vector<std::string>& aliases,
                       const std::string& by, absl::Time now);

// The register for those who ask it often. Thread-safe. Borrows for life.
class DeviceOwners {
 public:
  // A change made by another process is known this soon.
  static constexpr absl::Duration kFresh = absl::Seconds(5);

  DeviceOwners(AgreementStore& store, const platform::Clock& clock)
      : store_(store), clock_(clock) {}

  // While the store cannot be read: what it said last. Never null.
  std::shared_ptr<const SchoolOwners> Of(const std::string& school);

 private:
  struct Known {
    std::shared_ptr<const SchoolOwners> owners;
    absl::Duration read;  // since boot
  };

  AgreementStore& store_;
  const platform::Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Known> schools_;
};

}  // namespace schoolgate::collector
