// What the kernel says of connections, by the kernel itself.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/enforce/kernel_table.h"
#include "agent/enforce/own_network_test.h"
#include "platform/flow_marker.h"

namespace schoolgate::agent {
namespace {

constexpr uint16_t kPort = 7443;

platform::SocketAddress Here(uint16_t port) {
  return {.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1},
          .port = port};
}

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int Connect(int type, uint16_t* from) {
  const int made = socket(AF_INET, type | SOCK_CLOEXEC, 0);
  sockaddr_in to = Loopback(kPort);
  EXPECT_EQ(connect(made, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
  socklen_t size = sizeof(to);
  getsockname(made, reinterpret_cast<sockaddr*>(&to), &size);
  *from = ntohs(to.sin_port);
  return made;
}

TEST(FlowMarkerTest, TheKernelSaysWhatRunsAndWhatIsOver) {
  const OwnNetwork network;
  if (!network.made()) GTEST_SKIP() << "may not make a network of its own";
  // With its rules the kernel begins to keep track.
  const auto table = *TableSocket::Open();
  const absl::Status installed =
      InstallKernelTable({.open_without_gate = true}, *table);
  if (absl::IsUnimplemented(installed)) GTEST_SKIP() << installed;
  ASSERT_TRUE(installed.ok()) << installed;
  const auto marker = *platform::OpenFlowMarker();

  const int door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at = Loopback(kPort);
  ASSERT_EQ(bind(door, reinterpret_cast<sockaddr*>(&at), sizeof(at)), 0);
  ASSERT_EQ(listen(door, 4), 0);
  uint16_t port = 0;
  const int client = Connect(SOCK_STREAM, &port);
  const int server = accept(door, nullptr, nullptr);
  EXPECT_FALSE(marker->IsOver(true, Here(port), Here(kPort)));
  EXPECT_TRUE(marker->IsOver(false, Here(port), Here(kPort))) << "no such";
  EXPECT_TRUE(marker->IsOver(true, Here(port), Here(kPort + 1)));
  EXPECT_TRUE(
      marker->Mark(true, Here(port), Here(kPort), kMarkBlock, kMarkBits));
  EXPECT_FALSE(
      marker->Mark(true, Here(port), Here(kPort + 1), kMarkBlock, kMarkBits));

  // Half closed, a download may still come.
  uint16_t other = 0;
  const int half = Connect(SOCK_STREAM, &other);
  const int half_server = accept(door, nullptr, nullptr);
  shutdown(half, SHUT_WR);
  EXPECT_FALSE(marker->IsOver(true, Here(other), Here(kPort)));
  shutdown(half_server, SHUT_WR);
  EXPECT_TRUE(marker->IsOver(true, Here(other), Here(kPort)));

  uint16_t datagrams = 0;
  const int udp = Connect(SOCK_DGRAM, &datagrams);
  EXPECT_TRUE(marker->IsOver(false, Here(datagrams), Here(kPort)));
  EXPECT_EQ(send(udp, "x", 1, 0), 1);
  EXPECT_FALSE(marker->IsOver(false, Here(datagrams), Here(kPort)));
  for (const int each : {door, client, server, half, half_server, udp}) {
    close(each);
  }
}

}  // namespace
}  // namespace schoolgate::agent
