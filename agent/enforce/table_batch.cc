#include "agent/enforce/table_batch.h"

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace schoolgate::agent {
namespace {

constexpr size_t kBatchBytes = 256 << 10;

void BuildChain(nlmsghdr* head, const std::string& table,
                const std::string& name, uint32_t hook, int32_t priority) {
  nftnl_chain* chain = nftnl_chain_alloc();
  nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, table.c_str());
  nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, name.c_str());
  if (hook != NF_INET_NUMHOOKS) {
    nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM, hook);
    nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, priority);
    nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, "filter");
    nftnl_chain_set_u32(chain, NFTNL_CHAIN_POLICY, NF_ACCEPT);
  }
  nftnl_chain_nlmsg_build_payload(head, chain);
  nftnl_chain_free(chain);
}

}  // namespace

void DropStaleAnswers(const TableSocket& socket) {
  char stale[MNL_SOCKET_BUFFER_SIZE];
  while (recv(socket.descriptor(), stale, sizeof(stale), MSG_DONTWAIT) > 0) {
  }
}

Batch::Batch()
    : buffer_(kBatchBytes),
      batch_(mnl_nlmsg_batch_start(buffer_.data(), kBatchBytes / 2)) {
  nftnl_batch_begin(Next(), sequence_++);
  mnl_nlmsg_batch_next(batch_);
}

Batch::~Batch() { mnl_nlmsg_batch_stop(batch_); }

void Batch::Table(uint16_t message, const std::string& name, uint16_t flags,
                  uint32_t table_flags, const std::string& tag) {
  nftnl_table* table = nftnl_table_alloc();
  nftnl_table_set_u32(table, NFTNL_TABLE_FAMILY, NFPROTO_INET);
  if (table_flags != 0) {
    nftnl_table_set_u32(table, NFTNL_TABLE_FLAGS, table_flags);
  }
  if (!tag.empty()) {
    nftnl_table_set_data(table, NFTNL_TABLE_USERDATA, tag.data(),
                         static_cast<uint32_t>(tag.size()));
  }
  nftnl_table_set_str(table, NFTNL_TABLE_NAME, name.c_str());
  nftnl_table_nlmsg_build_payload(Head(message, flags), table);
  nftnl_table_free(table);
  mnl_nlmsg_batch_next(batch_);
}

void Batch::Chain(const std::string& table, const std::string& name) {
  HookedChain(table, name, NF_INET_NUMHOOKS, 0);
}

void Batch::HookedChain(const std::string& table, const std::string& name,
                        uint32_t hook, int32_t priority) {
  BuildChain(Head(NFT_MSG_NEWCHAIN, NLM_F_CREATE), table, name, hook, priority);
  mnl_nlmsg_batch_next(batch_);
}

void Batch::Add(const Rule& rule) {
  nftnl_rule_nlmsg_build_payload(
      Head(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND),
      const_cast<nftnl_rule*>(rule.get()));
  mnl_nlmsg_batch_next(batch_);
}

std::string_view Batch::bytes() const {
  return {static_cast<const char*>(mnl_nlmsg_batch_head(batch_)),
          mnl_nlmsg_batch_size(batch_)};
}

int Batch::Commit(const TableSocket& socket) {
  nftnl_batch_end(Next(), sequence_++);
  mnl_nlmsg_batch_next(batch_);
  DropStaleAnswers(socket);
  // Each refused message is answered; the answers must fit.
  const int bytes = 4 << 20;
  setsockopt(socket.descriptor(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
  if (mnl_socket_sendto(socket.get(), mnl_nlmsg_batch_head(batch_),
                        mnl_nlmsg_batch_size(batch_)) < 0) {
    return errno;
  }
  return FirstError(socket);
}

char* Batch::Next() {
  return static_cast<char*>(mnl_nlmsg_batch_current(batch_));
}

nlmsghdr* Batch::Head(uint16_t message, uint16_t flags) {
  return nftnl_nlmsg_build_hdr(Next(), message, NFPROTO_INET,
                               static_cast<uint16_t>(flags | NLM_F_ACK),
                               sequence_++);
}

// Reads the answer to each message between begin and end.
int Batch::FirstError(const TableSocket& socket) const {
  int error = 0;
  const uint32_t expected = sequence_ - 2;
  std::vector<char> answer(MNL_SOCKET_BUFFER_SIZE);
  for (uint32_t answered = 0; answered < expected;) {
    const ssize_t size =
        mnl_socket_recvfrom(socket.get(), answer.data(), answer.size());
    if (size < 0) return errno;
    int left = static_cast<int>(size);
    auto* head = reinterpret_cast<nlmsghdr*>(answer.data());
    for (; mnl_nlmsg_ok(head, left); head = mnl_nlmsg_next(head, &left)) {
      if (head->nlmsg_type != NLMSG_ERROR) continue;
      nlmsgerr status;
      std::memcpy(&status, mnl_nlmsg_get_payload(head), sizeof(status));
      ++answered;
      if (status.error != 0 && error == 0) error = -status.error;
      // A refused begin or end answers for the whole batch.
      if (status.error == -EPERM) return EPERM;
    }
  }
  return error;
}

}  // namespace schoolgate::agent
