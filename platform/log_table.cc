#include "platform/log_table.h"

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "platform/log_rule.h"

namespace schoolgate::platform {
namespace {

// After the gate's chains (what it blocks was never contacted), before the
// addresses are translated (then they are no longer the socket's).
constexpr int32_t kPriority = -140;
constexpr size_t kBatchBytes = 128 << 10;
constexpr uint64_t kForever = UINT64_MAX;
constexpr uint16_t kDns = 53;
constexpr uint16_t kMdns = 5353;
constexpr uint16_t kLlmnr = 5355;
// Conntrack counts packets when this is on; our rules turn it on.
constexpr char kCountingPath[] = "/proc/sys/net/netfilter/nf_conntrack_acct";

struct CloseNetlink {
  void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
};
using Netlink = std::unique_ptr<mnl_socket, CloseNetlink>;

// One netlink transaction: all of it or nothing.
class Transaction {
 public:
  explicit Transaction(std::string table)
      : table_(std::move(table)),
        buffer_(2 * kBatchBytes),
        batch_(mnl_nlmsg_batch_start(buffer_.data(), kBatchBytes)) {
    nftnl_batch_begin(Next(), sequence_++);
    mnl_nlmsg_batch_next(batch_);
  }
  ~Transaction() { mnl_nlmsg_batch_stop(batch_); }
  Transaction(const Transaction&) = delete;

  void Table(uint16_t message, uint32_t table_flags,
             const std::string& tag = "") {
    nftnl_table* table = nftnl_table_alloc();
    nftnl_table_set_u32(table, NFTNL_TABLE_FAMILY, NFPROTO_INET);
    nftnl_table_set_str(table, NFTNL_TABLE_NAME, table_.c_str());
    if (table_flags != 0) {
      nftnl_table_set_u32(table, NFTNL_TABLE_FLAGS, table_flags);
    }
    if (!tag.empty()) {
      nftnl_table_set_data(table, NFTNL_TABLE_USERDATA, tag.data(),
                           static_cast<uint32_t>(tag.size()));
    }
    const uint16_t flags = message == NFT_MSG_NEWTABLE ? NLM_F_CREATE : 0;
    nftnl_table_nlmsg_build_payload(Head(message, flags), table);
    nftnl_table_free(table);
    mnl_nlmsg_batch_next(batch_);
  }

  void Chain(const char* name) { Add(NewChain(name)); }

  void HookedChain(const char* name, uint32_t hook) {
    nftnl_chain* chain = NewChain(name);
    nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM, hook);
    nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, kPriority);
    nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, "filter");
    nftnl_chain_set_u32(chain, NFTNL_CHAIN_POLICY, NF_ACCEPT);
    Add(chain);
  }

  void Add(const LogRule& rule) {
    nftnl_rule_nlmsg_build_payload(
        Head(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND), rule.get());
    mnl_nlmsg_batch_next(batch_);
  }

  std::string_view bytes() const {
    return {static_cast<const char*>(mnl_nlmsg_batch_head(batch_)),
            mnl_nlmsg_batch_size(batch_)};
  }

  // 0, or the errno of the first message that the kernel refused.
  int Commit(mnl_socket* netlink) {
    nftnl_batch_end(Next(), sequence_++);
    mnl_nlmsg_batch_next(batch_);
    if (mnl_socket_sendto(netlink, mnl_nlmsg_batch_head(batch_),
                          mnl_nlmsg_batch_size(batch_)) < 0) {
      return errno;
    }
    int error = 0;
    for (uint32_t answered = 0; answered + 2 < sequence_;) {
      const int found = ReadAnswers(netlink, &answered);
      if (error == 0) error = found;
      if (found == EPERM || found == ENOBUFS) break;
    }
    return error;
  }

 private:
  char* Next() { return static_cast<char*>(mnl_nlmsg_batch_current(batch_)); }

  nlmsghdr* Head(uint16_t message, uint16_t flags) {
    return nftnl_nlmsg_build_hdr(Next(), message, NFPROTO_INET,
                                 static_cast<uint16_t>(flags | NLM_F_ACK),
                                 sequence_++);
  }

  nftnl_chain* NewChain(const char* name) const {
    nftnl_chain* chain = nftnl_chain_alloc();
    nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, table_.c_str());
    nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, name);
    return chain;
  }

  void Add(nftnl_chain* chain) {
    nftnl_chain_nlmsg_build_payload(Head(NFT_MSG_NEWCHAIN, NLM_F_CREATE),
                                    chain);
    nftnl_chain_free(chain);
    mnl_nlmsg_batch_next(batch_);
  }

  static int ReadAnswers(mnl_socket* netlink, uint32_t* answered) {
    char answer[8192];
    const ssize_t size = mnl_socket_recvfrom(netlink, answer, sizeof(answer));
    if (size < 0) return errno == EINTR ? 0 : ENOBUFS;
    int error = 0;
    int left = static_cast<int>(size);
    auto* head = reinterpret_cast<nlmsghdr*>(answer);
    for (; mnl_nlmsg_ok(head, left); head = mnl_nlmsg_next(head, &left)) {
      if (head->nlmsg_type != NLMSG_ERROR) continue;
      nlmsgerr status;
      std::memcpy(&status, mnl_nlmsg_get_payload(head), sizeof(status));
      ++*answered;
      if (status.error != 0 && error == 0) error = -status.error;
    }
    return error;
  }

  const std::string table_;
  std::vector<char> buffer_;
  mnl_nlmsg_batch* batch_;
  uint32_t sequence_ = 0;
};

void AddFlowChain(Transaction& all, const std::string& table, const char* chain,
                  Way way, uint32_t first, uint16_t group) {
  all.Chain(chain);
  all.Add(LogRule(table, chain).Packets(way, 1, first).Copy(group));
  all.Add(LogRule(table, chain)
              .EveryNth(way, kSampleSoon)
              .Packets(way, first + 1, kSoonPackets)
              .CopyHead(group, kSampleSoon, kSampleBytes));
  all.Add(LogRule(table, chain)
              .EveryNth(way, kSampleLater)
              .Packets(way, kSoonPackets + 1, kForever)
              .CopyHead(group, kSampleLater, kSampleBytes));
  // A flow's end must be seen, or it is remembered for an hour.
  all.Add(LogRule(table, chain)
              .Tcp()
              .TcpEnds()
              .Packets(way, 1, kForever)
              .CopyHead(group, 1, kSampleBytes));
}

// Names are asked for in these whatever the flow's age: a resolver keeps one
// socket for hours.
void AddUdpChain(Transaction& all, const std::string& table, uint16_t group) {
  all.Chain("udp");
  for (const uint16_t port : {kDns, kMdns, kLlmnr}) {
    all.Add(LogRule(table, "udp").ToPort(port).Copy(group));
  }
  all.Add(LogRule(table, "udp").FromPort(kDns).Copy(group));
}

// What a download is made of leaves at the first rule: between the packets that
// samples are taken from (each 256th is a 16th, too).
void AddTcpChain(Transaction& all, const std::string& table, uint16_t group) {
  static_assert(kSampleLater % kSampleSoon == 0);
  all.Chain("tcp");
  for (const auto& [way, first] : {std::pair(Way::kAsked, kFirstAsked),
                                   std::pair(Way::kAnswered, kFirstAnswered)}) {
    all.Add(LogRule(table, "tcp")
                .Going(way)
                .BetweenNths(way, kSampleSoon)
                .TcpGoesOn()
                .NotToPort(kDns)
                .NotFromPort(kDns)
                .Packets(way, first + 1, kForever)
                .Done());
  }
  all.Add(LogRule(table, "tcp").ToPort(kDns).Copy(group));
  all.Add(LogRule(table, "tcp").FromPort(kDns).Copy(group));
  all.Add(LogRule(table, "tcp").Going(Way::kAsked).Goto("asked"));
  all.Add(LogRule(table, "tcp").Going(Way::kAnswered).Goto("answered"));
}

void AddAll(Transaction& all, const std::string& table, uint16_t group) {
  AddFlowChain(all, table, "asked", Way::kAsked, kFirstAsked, group);
  AddFlowChain(all, table, "answered", Way::kAnswered, kFirstAnswered, group);
  AddUdpChain(all, table, group);
  AddTcpChain(all, table, group);
  all.Chain("first");
  all.Add(LogRule(table, "first").Tcp().Goto("tcp"));
  all.Add(LogRule(table, "first").Udp().Jump("udp"));
  all.Add(LogRule(table, "first").Going(Way::kAsked).Goto("asked"));
  all.Add(LogRule(table, "first").Going(Way::kAnswered).Goto("answered"));
  all.HookedChain("out", NF_INET_LOCAL_OUT);
  all.Add(LogRule(table, "out").Goto("first"));
  all.HookedChain("through", NF_INET_FORWARD);
  all.Add(LogRule(table, "through").Goto("first"));
  all.HookedChain("in", NF_INET_LOCAL_IN);
  // What comes back over loopback was copied when it went out.
  all.Add(LogRule(table, "in").FromLoopback().Done());
  all.Add(LogRule(table, "in").Goto("first"));
}

std::string ReadCounting() {
  std::ifstream in(kCountingPath);
  std::string value;
  std::getline(in, value);
  return value;
}

class NetfilterLogTable : public LogTable {
 public:
  NetfilterLogTable(Netlink netlink, std::string name, uint16_t group)
      : netlink_(std::move(netlink)),
        name_(std::move(name)),
        group_(group),
        counted_before_(ReadCounting()) {}

  ~NetfilterLogTable() override {
    if (!stands_ || left_) return;
    Transaction all(name_);
    all.Table(NFT_MSG_DELTABLE, 0);
    (void)all.Commit(netlink_.get());
    // As it was found.
    if (counted_before_ == "0") std::ofstream(kCountingPath) << "0\n";
  }

  int descriptor() const override { return mnl_socket_get_fd(netlink_.get()); }

  void Leave() override { left_ = true; }

  int Install() {
    if (Tag() == StandingTag()) {
      stands_ = true;
      return 0;
    }
    int error = Install(NFT_TABLE_F_OWNER);
    if (error == EOPNOTSUPP || error == EINVAL) error = Install(0);
    stands_ = error == 0;
    return error;
  }

  bool Keep() override {
    if (!StandingTag().empty()) return true;
    (void)Install();  // tried again at the next call
    return false;
  }

 private:
  int Install(uint32_t table_flags) {
    Transaction all(name_);
    all.Table(NFT_MSG_NEWTABLE, table_flags);
    all.Table(NFT_MSG_DELTABLE, 0);
    all.Table(NFT_MSG_NEWTABLE, table_flags, Tag());
    AddAll(all, name_, group_);
    return all.Commit(netlink_.get());
  }

  // A short name for exactly these rules.
  std::string Tag() const {
    Transaction all(name_);
    AddAll(all, name_, group_);
    return absl::StrCat("schoolgate ",
                        absl::Hex(std::hash<std::string_view>()(all.bytes())));
  }

  // Of our table; "?" when it cannot be asked for, empty when there is none.
  std::string StandingTag() {
    char message[MNL_SOCKET_BUFFER_SIZE];
    while (recv(descriptor(), message, sizeof(message), MSG_DONTWAIT) > 0) {
      // Answers to a run before us that died before reading them.
    }
    nftnl_table* table = nftnl_table_alloc();
    nftnl_table_set_u32(table, NFTNL_TABLE_FAMILY, NFPROTO_INET);
    nftnl_table_set_str(table, NFTNL_TABLE_NAME, name_.c_str());
    nlmsghdr* head = nftnl_nlmsg_build_hdr(message, NFT_MSG_GETTABLE,
                                           NFPROTO_INET, 0, ++asked_);
    nftnl_table_nlmsg_build_payload(head, table);
    nftnl_table_free(table);
    if (mnl_socket_sendto(netlink_.get(), head, head->nlmsg_len) < 0) {
      return stands_ ? "?" : "";
    }
    const ssize_t size =
        mnl_socket_recvfrom(netlink_.get(), message, sizeof(message));
    const auto* answer = reinterpret_cast<const nlmsghdr*>(message);
    if (!mnl_nlmsg_ok(answer, static_cast<int>(size)) ||
        answer->nlmsg_type == NLMSG_ERROR) {
      return "";
    }
    table = nftnl_table_alloc();
    std::string tag = "?";
    uint32_t bytes = 0;
    if (nftnl_table_nlmsg_parse(answer, table) == 0) {
      const void* data =
          nftnl_table_get_data(table, NFTNL_TABLE_USERDATA, &bytes);
      if (data != nullptr) tag.assign(static_cast<const char*>(data), bytes);
    }
    nftnl_table_free(table);
    return tag;
  }

  const Netlink netlink_;
  const std::string name_;
  const uint16_t group_;
  const std::string counted_before_;
  uint32_t asked_ = 1u << 20;
  bool stands_ = false;
  bool left_ = false;
};

absl::Status Refused(const std::string& name, int error) {
  switch (error) {
    case EPERM:
      // The kernel says the same of a missing right and another's table.
      return absl::PermissionDeniedError(absl::StrCat(
          "table ", name,
          ": may not be put in place: CAP_NET_ADMIN is missing, or another "
          "agent owns it: run one agent, as root or with that capability"));
    case ENOENT:
    case EOPNOTSUPP:
    case EPROTONOSUPPORT:
      return absl::UnimplementedError(absl::StrCat(
          "table ", name,
          ": this kernel cannot copy packets to a log: load nft_log, nft_ct "
          "and nfnetlink_log"));
    default:
      return absl::UnavailableError(absl::StrCat(
          "table ", name, ": the kernel refuses: ", std::strerror(error),
          ": is nf_tables there?"));
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<LogTable>> InstallLogTable(
    const std::string& name, uint16_t group, int kept) {
  Netlink netlink(kept >= 0 ? mnl_socket_fdopen(kept) : nullptr);
  if (netlink == nullptr) {
    if (kept >= 0) close(kept);
    netlink.reset(mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC));
    if (netlink == nullptr ||
        mnl_socket_bind(netlink.get(), 0, MNL_SOCKET_AUTOPID) < 0) {
      return Refused(name, errno);
    }
  }
  // Each message is answered; the answers must fit, and must come.
  const int bytes = 1 << 20;
  const timeval patience{.tv_sec = 1, .tv_usec = 0};
  const int descriptor = mnl_socket_get_fd(netlink.get());
  setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
  setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  auto table =
      std::make_unique<NetfilterLogTable>(std::move(netlink), name, group);
  if (const int error = table->Install(); error != 0) {
    return Refused(name, error);
  }
  return table;
}

}  // namespace schoolgate::platform
