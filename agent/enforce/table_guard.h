// Notices when somebody else has changed or removed our table in the kernel's
// packet filter.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

struct mnl_socket;

namespace schoolgate::agent {

// What the kernel says of a table as a whole.
struct StandingTable {
  uint32_t flags = 0;
  uint32_t owner = 0;  // netlink's name of the socket; 0: nobody's
  uint64_t handle = 0;
  uint32_t uses = 0;  // how many chains there are, and whatever else
  std::string tag;    // what its maker wrote on it
};

struct StandingChain {
  std::string name;
  uint64_t handle = 0;
  int32_t priority = 0;
  uint32_t policy = 0;
  uint32_t uses = 0;            // its rules, and the jumps to it
  std::vector<uint64_t> rules;  // handles: a rule that is new has a new one
};

// Nothing when there is no such table, or the kernel does not say. `sequence`
// as in the socket's other messages.
std::optional<StandingTable> ReadTable(mnl_socket* socket,
                                       const std::string& name,
                                       uint32_t sequence);

// Not thread-safe.
//
// What was remembered is asked for piece by piece: each answer is of one
// moment. A list is cut short whenever any program changes any rule meanwhile,
// and half a list looks as if rules had been taken away.
class TableGuard {
 public:
  static absl::StatusOr<std::unique_ptr<TableGuard>> Open(std::string table);

  ~TableGuard();
  TableGuard(const TableGuard&) = delete;
  TableGuard& operator=(const TableGuard&) = delete;

  // What stands now is what we put there.
  void Remember();

  // Whether it is still the same: its flags, chains and rules. One short
  // question to the kernel as long as nobody changes any rule at all. True also
  // where the kernel does not say; the next call asks again.
  bool Intact();

  // Looks that came to nothing.
  uint64_t unsure() const { return unsure_; }

 private:
  enum class Found { kSame, kOther, kUnknown };

  TableGuard(std::string table, mnl_socket* socket)
      : table_(std::move(table)), socket_(socket) {}

  uint32_t Generation();
  Found List();
  Found Compare();
  Found CompareRules(const StandingChain& chain);

  const std::string table_;
  mnl_socket* const socket_;
  uint32_t sequence_ = 0;
  uint32_t generation_ = 0;  // of the kernel's whole packet filter; 0: look
  bool known_ = false;       // what follows is what we put there
  StandingTable standing_;
  std::vector<StandingChain> chains_;
  uint64_t unsure_ = 0;
};

}  // namespace schoolgate::agent
