// What somebody may see of an alert. Every way an alert leaves the server
// (list, page, live feed, audit log) asks here first.
#pragma once

#include <set>
#include <span>
#include <string>
#include <unordered_map>

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

// SightOf for one viewer and many alerts, whole or brief (MentionsTell of the
// viewer's alias): what it depends on is asked for once. Not thread-safe.
class SightOfMany {
 public:
  // Borrowed for its life.
  SightOfMany(const Account& viewer, const Readers& readers);
  Sight operator()(const v1::Alert& alert);

 private:
  const Account& viewer_;
  const Readers& readers_;
  std::set<std::string> owners_;  // aliases of people with an account
  std::unordered_map<std::string, Sight> known_;
  std::string key_;
};

// Whether the alert names the owner of any of these accounts.
bool NamesAny(const v1::Alert& alert, std::span<const Account> accounts);

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
