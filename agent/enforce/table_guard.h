// Notices when somebody else has changed or removed our table in the kernel's
// packet filter.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"

struct mnl_socket;

namespace schoolgate::agent {

// What the kernel says of a table as a whole.
struct StandingTable {
  uint32_t flags = 0;
  uint32_t owner = 0;  // netlink's name of the socket; 0: nobody's
  std::string tag;     // what its maker wrote on it
};

// Nothing when there is no such table. `sequence` as in the socket's other
// messages.
std::optional<StandingTable> ReadTable(mnl_socket* socket,
                                       const std::string& name,
                                       uint32_t sequence);

// Not thread-safe.
class TableGuard {
 public:
  static absl::StatusOr<std::unique_ptr<TableGuard>> Open(std::string table);

  ~TableGuard();
  TableGuard(const TableGuard&) = delete;
  TableGuard& operator=(const TableGuard&) = delete;

  // What stands now is what we put there.
  void Remember();

  // Whether it is still the same: its flags, chains and rules. One short
  // question to the kernel as long as nobody changes any rule at all.
  bool Intact();

 private:
  TableGuard(std::string table, mnl_socket* socket)
      : table_(std::move(table)), socket_(socket) {}

  uint32_t Generation();
  std::string Fingerprint();

  const std::string table_;
  mnl_socket* const socket_;
  uint32_t sequence_ = 0;
  uint32_t generation_ = 0;  // of the kernel's whole packet filter
  std::string remembered_;
};

}  // namespace schoolgate::agent
