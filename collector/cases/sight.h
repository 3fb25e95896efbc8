// What somebody may see of an alert. Every way an alert leaves the server
// (list, page, live feed, audit log) asks here first.
#pragma once

#include "collector/cases/routes.h"
#include "proto/alert.pb.h"

namespace schoolgate::collector {

enum class Sight {
  kNothing,    // as if it did not exist
  kAnonymous,  // governors: that it happened, of which kind, in which month
  kHealth,     // IT provider: about the device, no person in it
  kFull,
};

// Routing is that of collector/cases (MaySee), and beside it: whoever is named
// anywhere in an alert sees nothing of it, whatever their role; a case of
// illegal material always has two seniors who can close it. `readers`: all
// accounts.
Sight SightOf(const Account& viewer, const v1::Alert& alert,
              const Readers& readers);

// Whether the viewer may know that others looked at this alert.
bool MayOversee(const Account& viewer, const v1::Alert& alert,
                const Readers& readers);

// Whether this senior person may agree to open the name in an alert: they see
// it, or too few others do (an alert about staff is the head's alone) and they
// stand in as for illegal material. They then know of the request, not of the
// alert. Never somebody who is named in it.
bool MayApproveName(const Account& viewer, const v1::Alert& alert,
                    const Readers& readers);

// Illegal material: host hidden from everybody, two people to close.
bool IsLocked(const v1::Alert& alert);

}  // namespace schoolgate::collector
