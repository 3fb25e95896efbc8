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

// One question to the kernel; `each` is called for every message of the
// answer. False when the answer is an error, such as "no such table".
bool Ask(mnl_socket* socket, const nlmsghdr* question, uint32_t sequence,
         mnl_cb_t each, void* context) {
  if (mnl_socket_sendto(socket, question, question->nlmsg_len) < 0) {
    return false;
  }
  char answer[MNL_SOCKET_BUFFER_SIZE];
  int more = MNL_CB_OK;
  while (more > MNL_CB_STOP) {
    const ssize_t size = mnl_socket_recvfrom(socket, answer, sizeof(answer));
    if (size < 0) return false;
    more = mnl_cb_run(answer, static_cast<size_t>(size), sequence,
                      mnl_socket_get_portid(socket), each, context);
  }
  return more == MNL_CB_STOP;
}

int ReadStanding(const nlmsghdr* message, void* context) {
  auto* standing = static_cast<StandingTable*>(context);
  nftnl_table* table = nftnl_table_alloc();
  if (nftnl_table_nlmsg_parse(message, table) == 0) {
    standing->flags = nftnl_table_get_u32(table, NFTNL_TABLE_FLAGS);
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
  std::string text;
};

int AddChain(const nlmsghdr* message, void* context) {
  auto* print = static_cast<ForTable*>(context);
  nftnl_chain* chain = nftnl_chain_alloc();
  if (nftnl_chain_nlmsg_parse(message, chain) == 0 &&
      print->table == nftnl_chain_get_str(chain, NFTNL_CHAIN_TABLE)) {
    absl::StrAppend(&print->text, "chain ",
                    nftnl_chain_get_str(chain, NFTNL_CHAIN_NAME), " ",
                    nftnl_chain_get_u64(chain, NFTNL_CHAIN_HANDLE), " ",
                    nftnl_chain_get_s32(chain, NFTNL_CHAIN_PRIO), " ",
                    nftnl_chain_get_u32(chain, NFTNL_CHAIN_POLICY), "\n");
  }
  nftnl_chain_free(chain);
  return MNL_CB_OK;
}

// A rule's handle is new whenever the rule is: no need to look inside.
int AddRule(const nlmsghdr* message, void* context) {
  auto* print = static_cast<ForTable*>(context);
  nftnl_rule* rule = nftnl_rule_alloc();
  if (nftnl_rule_nlmsg_parse(message, rule) == 0 &&
      print->table == nftnl_rule_get_str(rule, NFTNL_RULE_TABLE)) {
    absl::StrAppend(&print->text, "rule ",
                    nftnl_rule_get_str(rule, NFTNL_RULE_CHAIN), " ",
                    nftnl_rule_get_u64(rule, NFTNL_RULE_HANDLE), "\n");
  }
  nftnl_rule_free(rule);
  return MNL_CB_OK;
}

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

}  // namespace

std::optional<StandingTable> ReadTable(mnl_socket* socket,
                                       const std::string& name,
                                       uint32_t sequence) {
  char message[MNL_SOCKET_BUFFER_SIZE];
  nlmsghdr* head = nftnl_nlmsg_build_hdr(message, NFT_MSG_GETTABLE,
                                         NFPROTO_INET, NLM_F_ACK, sequence);
  nftnl_table* table = nftnl_table_alloc();
  nftnl_table_set_str(table, NFTNL_TABLE_NAME, name.c_str());
  nftnl_table_nlmsg_build_payload(head, table);
  nftnl_table_free(table);
  StandingTable standing;
  if (!Ask(socket, head, sequence, ReadStanding, &standing)) {
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
  remembered_ = Fingerprint();
}

bool TableGuard::Intact() {
  const uint32_t generation = Generation();
  if (generation == generation_ && generation != 0) return true;
  generation_ = generation;
  return Fingerprint() == remembered_;
}

uint32_t TableGuard::Generation() {
  char message[MNL_SOCKET_BUFFER_SIZE];
  const nlmsghdr* head = nftnl_nlmsg_build_hdr(message, NFT_MSG_GETGEN,
                                               NFPROTO_UNSPEC, 0, ++sequence_);
  uint32_t generation = 0;
  Ask(socket_, head, sequence_, ReadGeneration, &generation);
  return generation;
}

std::string TableGuard::Fingerprint() {
  char message[MNL_SOCKET_BUFFER_SIZE];
  ForTable print{.table = table_, .text = {}};

  const auto standing = ReadTable(socket_, table_, ++sequence_);
  if (!standing) return "";
  absl::StrAppend(&print.text, "table ", standing->flags, "\n");

  nlmsghdr* head = nftnl_nlmsg_build_hdr(message, NFT_MSG_GETCHAIN,
                                         NFPROTO_INET, NLM_F_DUMP, ++sequence_);
  Ask(socket_, head, sequence_, AddChain, &print);

  head = nftnl_nlmsg_build_hdr(message, NFT_MSG_GETRULE, NFPROTO_INET,
                               NLM_F_DUMP, ++sequence_);
  nftnl_rule* rule = nftnl_rule_alloc();
  nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, table_.c_str());
  nftnl_rule_nlmsg_build_payload(head, rule);
  nftnl_rule_free(rule);
  Ask(socket_, head, sequence_, AddRule, &print);
  return print.text;
}

}  // namespace schoolgate::agent
