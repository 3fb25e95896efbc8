// Who asked: from a packet's socket to a log-in, a school group and a kind of
// program, with an honest word on how sure that is.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/observe/observation.h"
#include "platform/accounts.h"
#include "platform/processes.h"
#include "platform/sessions.h"
#include "platform/socket_owner.h"
#include "proto/event.pb.h"
#include "proto/policy.pb.h"

namespace schoolgate::agent {

// How this device's accounts map to the school's groups.
struct AttributionRules {
  struct Known {
    std::string login;
    std::string group;
  };
  std::string device_group = "unknown";  // of the device itself
  std::map<uint32_t, Known> people;      // before the name service is asked
  std::map<std::string, std::string> unix_groups;  // "teachers" -> "staff"
  // Accounts of these groups are judged as the device is: on a classroom
  // computer a pupil may have the teacher's password.
  std::set<std::string> judged_as_device;
  std::set<std::string> shared_logins;  // class accounts: never a person
  // Whose rules hold for whoever still has to accept the school's notice; they
  // are not named either. Empty: nobody waits for it.
  std::string until_notice_accepted;
  // Whose accounts are shared by the policy, or who leave no history (guests):
  // judged by their log-in, and never a person to anybody.
  std::set<std::string> nameless_groups = {};
  std::set<std::string> resolver_logins = {"systemd-resolve", "dnsmasq",
                                           "unbound", "nobody", "_unbound"};
  std::set<std::string> browsers = {
      "chromium", "chrome", "google-chrome", "firefox",     "firefox-esr",
      "msedge",   "opera",  "brave",         "vivaldi-bin", "epiphany"};
};

// Uids below this belong to the system, not to people (Debian policy 9.2.2).
inline constexpr uint32_t kFirstPersonUid = 1000;

// The groups whose people are nameless by the policy.
std::set<std::string> NamelessGroups(const v1::CompiledPolicy& policy);

struct Who {
  uint32_t uid = platform::kNoUid;
  // Empty: nobody in particular. It leaves the device only where `confidence`
  // is certain.
  std::string login;
  std::string group;  // a group id of the policy
  v1::Confidence confidence = v1::CONFIDENCE_UNKNOWN;
  bool resolver = false;  // a local resolver asking upstream for somebody else
  bool system = false;    // an account of the machine's own services
  bool session_locked = false;  // nobody sits there
  std::string judged_as = {};   // the group whose rules hold; empty: `group`

  // Whose rules hold. Nobody is nominated under another group's rules.
  std::string_view RulesGroup() const {
    return judged_as.empty() ? group : judged_as;
  }
  std::string_view RulesLogin() const {
    return judged_as.empty() ? std::string_view(login) : std::string_view();
  }
};

// What holds the asking socket.
struct Asker {
  v1::ProcessKind kind = v1::PROCESS_KIND_UNSPECIFIED;
  bool contained = false;  // in a container: its uid is nobody here
};

// Not thread-safe. Borrows what it is given for its own life; owners and
// processes may be null (a capture file has neither).
class Attribution {
 public:
  Attribution(AttributionRules rules, platform::Accounts* accounts,
              platform::SocketOwners* owners, platform::Processes* processes);

  // Null, as at the start: nothing is known of sessions.
  void SetSessions(platform::Sessions* sessions) { sessions_ = sessions; }

  // Who has not yet accepted the school's notice. Without it nobody owes it.
  void SetOwesNotice(std::function<bool(uint32_t uid)> owes);

  // Something about the user is different from now on.
  void Forget(uint32_t uid) { remembered_.erase(uid); }

  // Enrolment says, perhaps long after the start, what the device is.
  void SetDeviceGroup(std::string group);

  void SetNamelessGroups(std::set<std::string> groups);

  // The returned reference holds until the next call.
  const Who& WhoAsked(const Observation& observation);

  // Costs a look into /proc: ask only for what is worth telling.
  Asker ProgramThatAsked(const Observation& observation);

  // Programs that were not found for want of time.
  uint64_t given_up() const {
    return processes_ != nullptr ? processes_->given_up() : 0;
  }

  // Whether the user sits there, as far as the session service knows. May
  // wait for it, at most a fifth of a second: only for what is worth telling.
  std::optional<platform::Presence> PresenceOf(uint32_t uid);

  // False over a capture file: then an unknown sender is no accident.
  bool knows_sockets() const { return owners_ != nullptr; }

  // Whether a neighbour asked: this machine directly, or everybody (mDNS).
  // Such a question is not this device's.
  bool IsNeighbours(const Observation& observation);

  // Whether an end is this machine itself, by loopback or by its own address.
  bool IsHere(const Endpoint& end);

 private:
  struct Remembered {
    Who who;
    int64_t time_us = 0;
  };

  std::optional<platform::SocketOwner> OwnerOf(const Observation& observation);
  Who Resolve(uint32_t uid) const;
  std::string SchoolGroup(const std::vector<std::string>& unix_groups) const;

  AttributionRules rules_;
  platform::Accounts* const accounts_;
  platform::SocketOwners* const owners_;
  platform::Processes* const processes_;
  platform::Sessions* sessions_ = nullptr;
  std::function<bool(uint32_t uid)> owes_notice_;
  std::unordered_map<uint32_t, Remembered> remembered_;
};

}  // namespace schoolgate::agent
