#include "agent/enforce/kernel_table.h"

#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "agent/enforce/filter_rule.h"
#include "agent/enforce/held_packet.h"
#include "agent/enforce/table_batch.h"
#include "agent/enforce/table_guard.h"

namespace schoolgate::agent {
namespace {

// Just after connection tracking and the mangle table.
constexpr int32_t kOutPriority = -149;
constexpr int32_t kAfterPriority = -148;
constexpr uint16_t kDnsPort = 53;
// After address translation has been undone: an answer comes from where it
// was asked.
constexpr int32_t kInPriority = 101;
constexpr uint32_t kTlsHandshakeWord = 0x16030000;  // and a minor version
constexpr uint32_t kHelloKind = 5;  // in a record that begins a handshake
constexpr uint32_t kHelloRandom = 11;
constexpr uint8_t kServerHello = 2;
constexpr uint32_t kAskAgainWord = 0xcf21ad74;
constexpr uint16_t kHttpPort = 80;
constexpr uint32_t kHttpWord = 0x48545450;      // "HTTP"
constexpr uint32_t kRedirectWord = 0x20330000;  // " 3", eight bytes further on
constexpr uint16_t kQuicPorts[] = {443, 853};
constexpr uint32_t kQuicVersion1 = 0x00000001;
constexpr uint32_t kQuicVersion2 = 0x6b3343cf;
constexpr uint32_t kQuicDrafts = 0xff000000;
// Without ports, and made to carry other packets.
constexpr uint8_t kTunnels[] = {IPPROTO_ESP, IPPROTO_GRE, IPPROTO_AH,
                                IPPROTO_IPIP, IPPROTO_IPV6};
constexpr uint32_t kTableOwner = 2;  // NFT_TABLE_F_OWNER, Linux 5.12
// What MayBeGlued() says, with the header.
constexpr uint16_t kLeastGlued = 2 * 1200 + 8;
constexpr uint32_t kFlagsOffset = 13;  // of the TCP header
constexpr uint32_t kDataOffset = 12;

// What a kernel may lack.
struct Dialect {
  QueueAction queue;
  bool finds_local;  // tells this machine's own addresses from others (fib)
};
// Best first.
constexpr Dialect kDialects[] = {{QueueAction::kNative, true},
                                 {QueueAction::kCompat, true},
                                 {QueueAction::kNative, false},
                                 {QueueAction::kCompat, false}};

// Writes the rules of one table into a batch.
class TableRules {
 public:
  TableRules(Batch& batch, const KernelTableOptions& options,
             const Dialect& dialect)
      : batch_(batch),
        table_(options.name),
        to_{.action = dialect.queue,
            .number = options.queue,
            .bypass = options.open_without_gate} {
    AddBlocked();
    AddOpening();
    AddTcp();
    AddJudged();
    AddVerdict();
    batch_.HookedChain(table_, "out", NF_INET_LOCAL_OUT, kOutPriority);
    Add(In("out").Goto("judged"));
    batch_.HookedChain(table_, "after", NF_INET_LOCAL_OUT, kAfterPriority);
    Add(In("after").Goto("verdict"));
    if (options.forwarded) AddForwarded(dialect.finds_local);
    // Answers to questions that were changed on their way.
    batch_.HookedChain(table_, "in", NF_INET_LOCAL_IN, kInPriority);
    // Bulk, and its acknowledgements.
    Add(In("in")
            .ConnectionMark(kMarkBits, kMarkPass)
            .Protocol(kProtocolTcp)
            .NotSourcePort(kHttpPort)
            .Accept());
    Add(In("in")
            .Protocol(kProtocolUdp)
            .AnyConnectionMark(kMarkWatch)
            .Queue(to_));
    AddServersAnswer();
    AddRedirects();
  }

 private:
  Rule In(const char* chain) const { return Rule(table_, chain); }
  void Add(const Rule& rule) { batch_.Add(rule); }

  // What containers ask. What others ask a container's published port arrives
  // at an address of this machine, before it is translated, and is no use of
  // the network by anybody here.
  void AddForwarded(bool finds_local) {
    if (finds_local) {
      batch_.HookedChain(table_, "arriving", NF_INET_PRE_ROUTING, kOutPriority);
      Add(In("arriving").ReplyDirection().Accept());
      Add(In("arriving").ToThisMachine().SetPacketMark(kMarkOurs));
    }
    batch_.HookedChain(table_, "forward", NF_INET_FORWARD, kOutPriority);
    Add(In("forward").PacketMark(kMarkBits, kMarkOurs).Accept());
    // A kernel sends the beginning first. Whoever is root in a container may
    // not: only the opening says where it is.
    Add(In("forward")
            .Protocol(kProtocolTcp)
            .TransportBits(kFlagsOffset, kTcpSyn | kTcpAck, kTcpSyn)
            .SetConnectionMark(~kMarkBits, kMarkWatch)
            .Count()
            .Queue(to_));
    Add(In("forward").Goto("judged"));
    batch_.HookedChain(table_, "forward_after", NF_INET_FORWARD,
                       kAfterPriority);
    Add(In("forward_after")
            .PacketMark(kMarkBits, kMarkOurs)
            .ClearPacketMark(kMarkBits)
            .Accept());
    Add(In("forward_after").Goto("verdict"));
  }

  // The way out of a packet that was judged "block".
  void AddBlocked() {
    batch_.Chain(table_, "blocked");
    // The reset that we cause inherits the mark and must not meet it again.
    Add(In("blocked")
            .Protocol(kProtocolTcp)
            .TransportBits(kFlagsOffset, kTcpRst, kTcpRst)
            .Accept());
    Add(In("blocked").Protocol(IPPROTO_ICMP).Accept());
    Add(In("blocked").Protocol(IPPROTO_ICMPV6).Accept());
    // Its client was told already: only its farewell is answered.
    Add(In("blocked")
            .ConnectionMark(kMarkAnswered, kMarkAnswered)
            .Protocol(kProtocolTcp)
            .TransportBits(kFlagsOffset, kTcpFin, 0)
            .Count()
            .Drop());
    Add(In("blocked").Protocol(kProtocolTcp).Count().RejectReset());
    Add(In("blocked").Count().RejectUnreachable());
  }

  // Sizes of a segment without payload, by the size of its header.
  void AcceptEmpty(const char* chain, uint16_t header) {
    const uint8_t offset = static_cast<uint8_t>(header / 4 << 4);
    Add(In(chain)
            .Family(NFPROTO_IPV4)
            .NetworkLength(2, static_cast<uint16_t>(20 + header))
            .TransportBits(kDataOffset, 0xf0, offset)
            .Accept());
    Add(In(chain)
            .Family(NFPROTO_IPV6)
            .NetworkLength(4, header)
            .TransportBits(kDataOffset, 0xf0, offset)
            .Accept());
  }

  // A connection opens: what an old one on the same ports was judged is
  // forgotten. With payload (TCP Fast Open) it is looked at.
  void AddOpening() {
    batch_.Chain(table_, "opening");
    Add(In("opening").SetConnectionMark(~kMarkBits, kMarkWatch));
    for (const uint16_t header : {40, 20, 24, 28, 32, 36}) {
      AcceptEmpty("opening", header);
    }
    Add(In("opening").Count().Queue(to_));
  }

  // Segments without payload carry no name. Their sizes are those of headers
  // with no, timestamp, or timestamp and SACK options.
  void AddTcp() {
    batch_.Chain(table_, "tcp");
    // Most servers take an urgent byte out of the stream: they would read
    // another name than the gate. While a connection is not judged none is
    // urgent; one without payload may say so of a byte that is still to come.
    Add(In("tcp")
            .TransportBits(kFlagsOffset, kTcpUrgent, kTcpUrgent)
            .ClearUrgent());
    Add(In("tcp")
            .TransportBits(kFlagsOffset, kTcpSyn | kTcpRst, kTcpRst)
            .Accept());
    Add(In("tcp").TransportBits(kFlagsOffset, kTcpSyn, kTcpSyn).Accept());
    for (const uint16_t header : {32, 20, 44}) AcceptEmpty("tcp", header);
    Add(In("tcp")
            .ConnectionMark(kMarkAwaited, kMarkWatch)
            .SetConnectionMark(~kMarkWatch, 0)
            .SetPacketMark(kMarkWatch)
            .Count()
            .Queue(to_));
    Add(In("tcp").Count().Queue(to_));
  }

  void AddJudged() {
    batch_.Chain(table_, "judged");
    // Bulk leaves at the first rule.
    Add(In("judged")
            .ConnectionMark(kMarkBits, kMarkPass)
            .Protocol(kProtocolTcp)
            .TransportBits(kFlagsOffset, kTcpSyn, 0)
            .Accept());
    Add(In("judged").PacketMark(kMarkBits, kMarkOurs).Accept());
    Add(In("judged")
            .Protocol(kProtocolTcp)
            .TransportBits(kFlagsOffset, kTcpSyn | kTcpAck, kTcpSyn)
            .Goto("opening"));
    AddQuic();
    Add(In("judged").ConnectionMark(kMarkBits, kMarkPass).Accept());
    Add(In("judged")
            .Protocol(kProtocolUdp)
            .ConnectionMark(kMarkAnswered, kMarkPass)
            .Accept());
    Add(In("judged").AnyConnectionMark(kMarkBlock).Goto("blocked"));
    Add(In("judged").Protocol(kProtocolUdp).Port(kDnsPort).Count().Queue(to_));
    Add(In("judged").Protocol(kProtocolTcp).Port(kDnsPort).Goto("tcp"));
    Add(In("judged").OutLoopback().Accept());
    Add(In("judged").ReplyDirection().Accept());
    Add(In("judged").Protocol(kProtocolTcp).Goto("tcp"));
    Add(In("judged")
            .Protocol(kProtocolUdp)
            .AnyConnectionMark(kMarkWatch)
            .Count()
            .Queue(to_));
    Add(In("judged").Protocol(kProtocolUdp).NewConnection().Count().Queue(to_));
    for (const uint8_t protocol : kTunnels) {
      Add(In("judged").Protocol(protocol).NewConnection().Count().Queue(to_));
    }
  }

  // UDP has no beginning: every QUIC long header is looked at, also when the
  // ports were judged for another connection.
  void AddQuic() {
    for (const uint16_t port : kQuicPorts) {
      Add(In("judged")
              .Protocol(kProtocolUdp)
              .Port(port)
              .TransportBits(8, 0x80, 0x80)
              .Count()
              .Queue(to_));
    }
    for (const uint32_t version : {kQuicVersion1, kQuicVersion2, kQuicDrafts}) {
      const uint32_t mask = version == kQuicDrafts ? 0xffffff00 : ~0u;
      Add(In("judged")
              .Protocol(kProtocolUdp)
              .TransportBits(8, 0xc0, 0xc0)
              .TransportWord(9, mask, version)
              .Count()
              .Queue(to_));
    }
    // Several datagrams in one (UDP_SEGMENT): there may be one behind the
    // first.
    Add(In("judged")
            .DatagramOf(kLeastGlued)
            .NotOutLoopback()
            .Count()
            .Queue(to_));
  }

  // A server says its hello when it has all of the client's: from then on what
  // was judged cannot be exchanged, and the connection runs without another
  // packet being held. One that asks for a second hello (it answers with a
  // random number known to all, RFC 8446, 4.1.3) has not.
  void AddServersAnswer() {
    batch_.Chain(table_, "answered");
    for (const uint16_t header : {20, 32}) {
      const uint8_t offset = static_cast<uint8_t>(header / 4 << 4);
      Add(In("answered")
              .TransportBits(kDataOffset, 0xf0, offset)
              .TransportWord(header + kHelloRandom, ~0u, kAskAgainWord)
              .Accept());
      Add(In("answered")
              .TransportBits(kDataOffset, 0xf0, offset)
              .TransportWord(header, 0xffff0000, kTlsHandshakeWord)
              .TransportBits(header + kHelloKind, 0xff, kServerHello)
              .SetConnectionMark(~kMarkAwaited, kMarkPass));
    }
    Add(In("in")
            .Protocol(kProtocolTcp)
            .ConnectionMark(kMarkBits, kMarkAwaited)
            .Goto("answered"));
  }

  // Answers of plain HTTP that send their asker elsewhere ("HTTP/1.1 30x"):
  // so a hotspot shows its log-in page.
  void AddRedirects() {
    for (const uint16_t header : {20, 32}) {
      Add(In("in")
              .Protocol(kProtocolTcp)
              .SourcePort(kHttpPort)
              .TransportBits(kDataOffset, 0xf0,
                             static_cast<uint8_t>(header / 4 << 4))
              .TransportWord(header, ~0u, kHttpWord)
              .TransportWord(header + 8u, 0xffff0000, kRedirectWord)
              .Queue(to_));
    }
  }

  // A verdict comes back as a packet mark; from here on the flow carries it.
  void AddVerdict() {
    batch_.Chain(table_, "verdict");
    // Bulk, again.
    Add(In("verdict")
            .PacketMark(kMarkBits, 0)
            .ConnectionMark(kMarkBlock, 0)
            .Accept());
    Add(In("verdict").PacketMark(kMarkBits, kMarkOurs).Accept());
    // What awaits its server's answer may be judged otherwise meanwhile.
    Add(In("verdict")
            .Protocol(kProtocolTcp)
            .AnyPacketMark(kMarkAnswered)
            .SetConnectionMark(~kMarkAwaited, 0));
    for (const uint32_t bit : {kMarkPass, kMarkBlock, kMarkWatch}) {
      Add(In("verdict").AnyPacketMark(bit).CopyMarkToConnection(bit));
    }
    Add(In("verdict").AnyPacketMark(kMarkBits).ClearPacketMark(kMarkBits));
    Add(In("verdict").AnyConnectionMark(kMarkBlock).Goto("blocked"));
  }

  Batch& batch_;
  const std::string table_;
  const QueueTo to_;
};

void Fill(const KernelTableOptions& options, const Dialect& dialect, bool owned,
          const std::string& tag, Batch& batch) {
  batch.Table(NFT_MSG_NEWTABLE, options.name, NLM_F_CREATE);
  batch.Table(NFT_MSG_DELTABLE, options.name, 0);
  batch.Table(NFT_MSG_NEWTABLE, options.name, NLM_F_CREATE,
              owned ? kTableOwner : 0, tag);
  TableRules(batch, options, dialect);
}

// A short name for exactly these rules.
std::string TagOf(const KernelTableOptions& options, const Dialect& dialect,
                  bool owned) {
  Batch batch;
  Fill(options, dialect, owned, "", batch);
  return absl::StrCat("schoolgate ",
                      absl::Hex(std::hash<std::string_view>()(batch.bytes())));
}

int Install(const KernelTableOptions& options, const Dialect& dialect,
            const TableSocket& socket, bool owned) {
  Batch batch;
  Fill(options, dialect, owned, TagOf(options, dialect, owned), batch);
  return batch.Commit(socket);
}

// Replacing a table makes the kernel drop every packet that is held (it
// unhooks the old chains), so what is ours and the same stays.
bool Stands(const KernelTableOptions& options, const TableSocket& socket) {
  DropStaleAnswers(socket);
  const auto standing = ReadTable(socket.get(), options.name, /*sequence=*/1);
  if (!standing || (standing->flags & kTableOwner) == 0) return false;
  return standing->owner == mnl_socket_get_portid(socket.get()) &&
         absl::c_any_of(kDialects, [&](const Dialect& dialect) {
           return standing->tag == TagOf(options, dialect, true);
         });
}

}  // namespace

absl::StatusOr<std::unique_ptr<TableSocket>> TableSocket::Open() {
  mnl_socket* socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
  if (socket != nullptr && mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) {
    mnl_socket_close(socket);
    socket = nullptr;
  }
  if (socket == nullptr) {
    return absl::UnavailableError(
        absl::StrCat("packet filter: no netlink: ", std::strerror(errno),
                     ": does this kernel have netfilter?"));
  }
  return std::unique_ptr<TableSocket>(new TableSocket(socket));
}

absl::StatusOr<std::unique_ptr<TableSocket>> TableSocket::Adopt(
    int descriptor) {
  mnl_socket* socket = mnl_socket_fdopen(descriptor);
  if (socket == nullptr) {
    close(descriptor);
    return absl::FailedPreconditionError(
        "packet filter: what was kept is no netlink socket: start anew");
  }
  return std::unique_ptr<TableSocket>(new TableSocket(socket));
}

TableSocket::~TableSocket() { mnl_socket_close(socket_); }

int TableSocket::descriptor() const { return mnl_socket_get_fd(socket_); }

absl::Status InstallKernelTable(const KernelTableOptions& options,
                                TableSocket& socket) {
  bool owned = options.owned;
  if (owned && Stands(options, socket)) return absl::OkStatus();
  int error = ENOENT;
  for (const Dialect& dialect : kDialects) {
    error = Install(options, dialect, socket, owned);
    if (owned && (error == EOPNOTSUPP || error == EINVAL)) {
      owned = false;
      error = Install(options, dialect, socket, owned);
    }
    if (error != ENOENT) break;
  }
  switch (error) {
    case 0:
      return absl::OkStatus();
    case EPERM:
      return absl::PermissionDeniedError(absl::StrCat(
          "table ", options.name,
          ": may not be put in place: CAP_NET_ADMIN is missing, or another "
          "agent owns it: run one agent, as root or with that capability"));
    case ENOENT:
      return absl::UnimplementedError(absl::StrCat(
          "table ", options.name,
          ": this kernel cannot send packets to a queue: load nft_queue or "
          "xt_NFQUEUE"));
    default:
      return absl::UnavailableError(
          absl::StrCat("table ", options.name, ": the kernel refuses: ",
                       std::strerror(error), ": is nf_tables there?"));
  }
}

bool OwnKernelTableStands(const KernelTableOptions& options,
                          TableSocket& socket) {
  return Stands(options, socket);
}

absl::Status RemoveKernelTable(const std::string& name, TableSocket& socket) {
  Batch batch;
  batch.Table(NFT_MSG_DELTABLE, name, 0);
  const int error = batch.Commit(socket);
  if (error == 0 || error == ENOENT) return absl::OkStatus();
  if (error == EPERM) {
    return absl::PermissionDeniedError(absl::StrCat(
        "table ", name,
        ": may not be removed: a running agent owns it, or CAP_NET_ADMIN is "
        "missing: stop the agent, and run as root"));
  }
  return absl::UnavailableError(absl::StrCat(
      "table ", name, ": cannot be removed: ", std::strerror(error),
      ": nft delete table inet ", name));
}

}  // namespace schoolgate::agent
