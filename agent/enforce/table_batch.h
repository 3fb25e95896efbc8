// Writes a table of the kernel's packet filter in one netlink transaction.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/enforce/filter_rule.h"
#include "agent/enforce/kernel_table.h"

struct mnl_nlmsg_batch;
struct nlmsghdr;

namespace schoolgate::agent {

// Reads away answers to a run before us that died before reading them.
void DropStaleAnswers(const TableSocket& socket);

// All of it or nothing. Not thread-safe.
class Batch {
 public:
  Batch();
  ~Batch();
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  void Table(uint16_t message, const std::string& name, uint16_t flags,
             uint32_t table_flags = 0, const std::string& tag = "");

  void Chain(const std::string& table, const std::string& name);

  // At one of the kernel's hooks (NF_INET_LOCAL_OUT, ...).
  void HookedChain(const std::string& table, const std::string& name,
                   uint32_t hook, int32_t priority);

  void Add(const Rule& rule);

  // What was written so far.
  std::string_view bytes() const;

  // 0, or the errno of the first message that the kernel refused.
  int Commit(const TableSocket& socket);

 private:
  char* Next();
  nlmsghdr* Head(uint16_t message, uint16_t flags);
  int FirstError(const TableSocket& socket) const;

  std::vector<char> buffer_;
  mnl_nlmsg_batch* batch_;
  uint32_t sequence_ = 0;
};

}  // namespace schoolgate::agent
