// What somebody may see of an alert. Every way an alert leaves the server
// (list, page, live feed) asks here first.
#pragma once

#include "collector/store/account_store.h"
#include "proto/alert.pb.h"

namespace schoolgate::collector {

enum class Sight {
  kNothing,    // as if it did not exist
  kAnonymous,  // governors: that it happened, of which kind, in which month
  kHealth,     // IT provider: about the device, no person in it
  kFull,
};

// An alert that names the viewer's own pseudonym anywhere is nothing to them,
// whatever their role; so is one of another school.
Sight SightOf(const Account& viewer, const v1::Alert& alert);

// About the working of a device, with nobody's conduct in it.
bool IsHealthRule(const v1::Alert& alert);

// Illegal material: host hidden from everybody, two people to close.
bool IsLocked(const v1::Alert& alert);

}  // namespace schoolgate::collector
