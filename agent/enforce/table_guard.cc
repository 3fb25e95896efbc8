#include "agent/enforce/table_guard.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace schoolgate::agent {
namespace {

// The kernel makes the parts of a list as long as what they are read into.
constexpr size_t kAnswerBytes = 32 << 10;
// A list that is cut short is asked for again.
constexpr int kMostLists = 64;

enum class KernelSays { kAll, kNoSuchThing, kNotAll };

// One question to the kernel; `each` is called for every message of the answer.
KernelSays Ask(mnl_socket* socket, const nlmsghdr* question, uint32_t sequence,
               mnl_cb_t each, void* context) {
  alignas(nlmsghdr) char answer[kAnswerBytes];
  // The rest of a list that was cut short.
  while (recv(mnl_socket_get_fd(socket), answer, sizeof(answer), MSG_DONTWAIT) >
         0) {
  }
  if (mnl_socket_sendto(socket, question, question->nlmsg_len) < 0) {
    return KernelSays::kNotAll;
  }
  int more = MNL_CB_OK;
  while (more > MNL_CB_STOP) {
    const ssize_t size = mnl_socket_recvfrom(socket, answer, sizeof(answer));
    if (size < 0) return KernelSays::kNotAll;
    more = mnl_cb_run(answer, static_cast<size_t>(size), sequence,
                      mnl_socket_get_portid(socket), each, context);
  }
  if (more == MNL_CB_STOP) return KernelSays::kAll;
  return errno == ENOENT ? KernelSays::kNoSuchThing : KernelSays::kNotAll;
}

int ReadStanding(const nlmsghdr* message, void* context) {
  auto* standing = static_cast<StandingTable*>(context);
  nftnl_table* table = nftnl_table_alloc();
  if (nftnl_table_nlmsg_parse(message, table) == 0) {
    standing->flags = nftnl_table_get_u32(table, NFTNL_TABLE_FLAGS);
    standing->handle = nftnl_table_get_u64(table, NFTNL_TABLE_HANDLE);
    standing->uses = nftnl_table_get_u32(table, NFTNL_TABLE_USE);
    if (nftnl_table_is_set(table, NFTNL_TABLE_OWNER)) {
      standing->owner = nftnl_table_get_u32(table, NFTNL_TABLE_OWNER);
    }
    uint32_t size = 0;
    if (const void* tag =
            nftnl_table_get_data(table, NFTNL_TABLE_USERDATA, &size)) {
      standing->tag.assign(static_cast<const char*>(tag), size);
    }
  }
  nftnl_table_free(table);
  return MNL_CB_OK;
}

struct ForTable {
  const std::string& table;
  std::vector<StandingChain> chains = {};
};

int AddChain(const nlmsghdr* message, void* context) {
  auto* found = static_cast<ForTable*>(context);
  nftnl_chain* chain = nftnl_chain_alloc();
  if (nftnl_chain_nlmsg_parse(message, chain) == 0 &&
      found->table == nftnl_chain_get_str(chain, NFTNL_CHAIN_TABLE)) {
    found->chains.push_back(
        {.name = nftnl_chain_get_str(chain, NFTNL_CHAIN_NAME),
         .handle = nftnl_chain_get_u64(chain, NFTNL_CHAIN_HANDLE),
         .priority = nftnl_chain_get_s32(chain, NFTNL_CHAIN_PRIO),
         .policy = nftnl_chain_get_u32(chain, NFTNL_CHAIN_POLICY),
         .uses = nftnl_chain_get_u32(chain, NFTNL_CHAIN_USE),
         .rules = {}});
  }
  nftnl_chain_free(chain);
  return MNL_CB_OK;
}

int AddRule(const nlmsghdr* message, void* context) {
  auto* found = static_cast<ForTable*>(context);
  nftnl_rule* rule = nftnl_rule_alloc();
  if (nftnl_rule_nlmsg_parse(message, rule) == 0 &&
      found->table == nftnl_rule_get_str(rule, NFTNL_RULE_TABLE)) {
    const std::string chain = nftnl_rule_get_str(rule, NFTNL_RULE_CHAIN);
    for (StandingChain& one : found->chains) {
      if (one.name != chain) continue;
      one.rules.push_back(nftnl_rule_get_u64(rule, NFTNL_RULE_HANDLE));
    }
  }
  nftnl_rule_free(rule);
  return MNL_CB_OK;
}

int ReadNothing(const nlmsghdr*, void*) { return MNL_CB_OK; }

int ReadOneAttribute(const nlattr* attribute, void* context) {
  if (mnl_attr_get_type(attribute) == NFTA_GEN_ID) {
    *static_cast<uint32_t*>(context) = ntohl(mnl_attr_get_u32(attribute));
  }
  return MNL_CB_OK;
}

int ReadGeneration(const nlmsghdr* message, void* context) {
  mnl_attr_parse(message, sizeof(nfgenmsg), ReadOneAttribute, context);
  return MNL_CB_STOP;
}

KernelSays AskForTable(mnl_socket* socket, const std::string& name,
                       uint32_t sequence, StandingTable* standing) {
  char message[MNL_SOCKET_BUFFER_SIZE];
  nlmsghdr* head = nftnl_nlmsg_build_hdr(message, NFT_MSG_GETTABLE,
                                         NFPROTO_INET, NLM_F_ACK, sequence);
  nftnl_table* table = nftnl_table_alloc();
  nftnl_table_set_str(table, NFTNL_TABLE_NAME, name.c_str());
  nftnl_table_nlmsg_build_payload(head, table);
  nftnl_table_free(table);
  return Ask(socket, head, sequence, ReadStanding, standing);
}

// An empty name asks for all chains, and those of other tables are left out.
KernelSays AskForChains(mnl_socket* socket, const std::string& name,
                        uint32_t sequence, ForTable* found) {
  char message[MNL_SOCKET_BUFFER_SIZE];
  nlmsghdr* head =
      nftnl_nlmsg_build_hdr(message, NFT_MSG_GETCHAIN, NFPROTO_INET,
                            name.empty() ? NLM_F_DUMP : NLM_F_ACK, sequence);
  nftnl_chain* chain = nftnl_chain_alloc();
  if (!name.empty()) {
    nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, found->table.c_str());
    nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, name.c_str());
  }
  nftnl_chain_nlmsg_build_payload(head, chain);
  nftnl_chain_free(chain);
  return Ask(socket, head, sequence, AddChain, found);
}

KernelSays AskForRules(mnl_socket* socket, uint32_t sequence, ForTable* found) {
  char message[MNL_SOCKET_BUFFER_SIZE];
  nlmsghdr* head = nftnl_nlmsg_build_hdr(message, NFT_MSG_GETRULE, NFPROTO_INET,
                                         NLM_F_DUMP, sequence);
  nftnl_rule* rule = nftnl_rule_alloc();
  nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, found->table.c_str());
  nftnl_rule_nlmsg_build_payload(head, rule);
  nftnl_rule_free(rule);
  return Ask(socket, head, sequence, AddRule, found);
}

KernelSays AskForRule(mnl_socket* socket, const std::string& table,
                      const std::string& chain, uint64_t handle,
                      uint32_t sequence) {
  char message[MNL_SOCKET_BUFFER_SIZE];
  nlmsghdr* head = nftnl_nlmsg_build_hdr(message, NFT_MSG_GETRULE, NFPROTO_INET,
                                         NLM_F_ACK, sequence);
  nftnl_rule* rule = nftnl_rule_alloc();
  nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, table.c_str());
  nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, chain.c_str());
  nftnl_rule_set_u64(rule, NFTNL_RULE_HANDLE, handle);
  nftnl_rule_nlmsg_build_payload(head, rule);
  nftnl_rule_free(rule);
  return Ask(socket, head, sequence, ReadNothing, nullptr);
}

}  // namespace

std::optional<StandingTable> ReadTable(mnl_socket* socket,
                                       const std::string& name,
                                       uint32_t sequence) {
  StandingTable standing;
  if (AskForTable(socket, name, sequence, &standing) != KernelSays::kAll) {
    return std::nullopt;
  }
  return standing;
}

absl::StatusOr<std::unique_ptr<TableGuard>> TableGuard::Open(
    std::string table) {
  mnl_socket* socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
  if (socket != nullptr && mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) {
    mnl_socket_close(socket);
    socket = nullptr;
  }
  if (socket == nullptr) {
    return absl::UnavailableError(
        absl::StrCat("packet filter: cannot be read: ", std::strerror(errno),
                     ": does this kernel have netfilter?"));
  }
  return std::unique_ptr<TableGuard>(new TableGuard(std::move(table), socket));
}

TableGuard::~TableGuard() { mnl_socket_close(socket_); }

void TableGuard::Remember() {
  // The number first: a change in between shows next time.
  generation_ = Generation();
  known_ = false;
  for (int i = 0; i < kMostLists && !known_; ++i) {
    const Found found = List();
    if (found == Found::kOther) return;  // there is no table
    known_ = found == Found::kSame;
  }
}

bool TableGuard::Intact() {
  const uint32_t generation = Generation();
  if (known_ && generation != 0 && generation == generation_) return true;
  if (!known_) Remember();
  switch (Compare()) {
    case Found::kSame:
      generation_ = generation;
      return true;
    case Found::kOther:
      generation_ = 0;
      return false;
    case Found::kUnknown:
      break;
  }
  generation_ = 0;
  ++unsure_;
  return true;
}

uint32_t TableGuard::Generation() {
  char message[MNL_SOCKET_BUFFER_SIZE];
  const nlmsghdr* head = nftnl_nlmsg_build_hdr(message, NFT_MSG_GETGEN,
                                               NFPROTO_UNSPEC, 0, ++sequence_);
  uint32_t generation = 0;
  Ask(socket_, head, sequence_, ReadGeneration, &generation);
  return generation;
}

TableGuard::Found TableGuard::List() {
  ForTable all{.table = table_};
  const KernelSays says = AskForTable(socket_, table_, ++sequence_, &standing_);
  if (says == KernelSays::kNoSuchThing) return Found::kOther;
  if (says != KernelSays::kAll ||
      AskForChains(socket_, "", ++sequence_, &all) != KernelSays::kAll ||
      AskForRules(socket_, ++sequence_, &all) != KernelSays::kAll) {
    return Found::kUnknown;
  }
  chains_ = std::move(all.chains);
  return Found::kSame;
}

TableGuard::Found TableGuard::Compare() {
  StandingTable now;
  const KernelSays says = AskForTable(socket_, table_, ++sequence_, &now);
  if (says == KernelSays::kNoSuchThing) return Found::kOther;
  if (says != KernelSays::kAll || !known_) return Found::kUnknown;
  if (now.flags != standing_.flags || now.handle != standing_.handle ||
      now.uses != standing_.uses) {
    return Found::kOther;
  }
  for (const StandingChain& chain : chains_) {
    if (const Found found = CompareRules(chain); found != Found::kSame) {
      return found;
    }
  }
  return Found::kSame;
}

// No rule is more than there were, and each of those is there.
TableGuard::Found TableGuard::CompareRules(const StandingChain& chain) {
  ForTable now{.table = table_};
  KernelSays says = AskForChains(socket_, chain.name, ++sequence_, &now);
  if (says == KernelSays::kNoSuchThing) return Found::kOther;
  if (says != KernelSays::kAll || now.chains.size() != 1) {
    return Found::kUnknown;
  }
  const StandingChain& stands = now.chains.front();
  if (stands.handle != chain.handle || stands.priority != chain.priority ||
      stands.policy != chain.policy || stands.uses != chain.uses) {
    return Found::kOther;
  }
  for (const uint64_t rule : chain.rules) {
    says = AskForRule(socket_, table_, chain.name, rule, ++sequence_);
    if (says == KernelSays::kNoSuchThing) return Found::kOther;
    if (says != KernelSays::kAll) return Found::kUnknown;
  }
  return Found::kSame;
}

}  // namespace schoolgate::agent
