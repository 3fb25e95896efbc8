#include "platform/socket_owner.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

namespace schoolgate::platform {
namespace {

SocketAddress Loopback(uint16_t port) {
  return {.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1},
          .port = port};
}

uint16_t Bind(int socket) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(
      bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  socklen_t size = sizeof(address);
  getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

// Otherwise a pupil's query would be put down to nobody, or to somebody else.
TEST(SocketOwnersTest, FindsTheUserOfAnUnconnectedUdpSocket) {
  auto owners = OpenSocketOwners();
  ASSERT_TRUE(owners.ok()) << owners.status();
  const int mine = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const uint16_t port = Bind(mine);
  const auto owner = (*owners)->Find(false, Loopback(port), Loopback(53));
  ASSERT_TRUE(owner.has_value());
  EXPECT_EQ(owner->uid, getuid());
  EXPECT_NE(owner->inode, 0u);
  close(mine);
  EXPECT_FALSE(
      (*owners)->Find(false, Loopback(port), Loopback(53)).has_value());
}

TEST(SocketOwnersTest, FindsTheUserOfAConnectedTcpSocket) {
  auto owners = OpenSocketOwners();
  ASSERT_TRUE(owners.ok()) << owners.status();
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const uint16_t server_port = Bind(listener);
  ASSERT_EQ(listen(listener, 1), 0);
  const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const uint16_t client_port = Bind(client);
  sockaddr_in server{};
  server.sin_family = AF_INET;
  server.sin_port = htons(server_port);
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(
      connect(client, reinterpret_cast<sockaddr*>(&server), sizeof(server)), 0);
  const auto owner =
      (*owners)->Find(true, Loopback(client_port), Loopback(server_port));
  ASSERT_TRUE(owner.has_value());
  EXPECT_EQ(owner->uid, getuid());
  close(client);
  close(listener);
}

// The kernel says "root" of a socket that its program has left. Otherwise what
// a pupil closed quickly would be the machine's doing.
TEST(SocketOwnersTest, AnAbandonedSocketIsNobodys) {
  auto owners = OpenSocketOwners();
  ASSERT_TRUE(owners.ok()) << owners.status();
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const uint16_t server_port = Bind(listener);
  ASSERT_EQ(listen(listener, 1), 0);
  const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const uint16_t client_port = Bind(client);
  sockaddr_in server{};
  server.sin_family = AF_INET;
  server.sin_port = htons(server_port);
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(
      connect(client, reinterpret_cast<sockaddr*>(&server), sizeof(server)), 0);
  close(client);  // lingers: the server has not closed yet
  EXPECT_FALSE((*owners)
                   ->Find(true, Loopback(client_port), Loopback(server_port))
                   .has_value());
  close(listener);
}

// A socket bound to no address matches any. Otherwise a neighbour's question
// would be put down to whoever uses the same port here.
TEST(SocketOwnersTest, AnotherMachinesAddressIsNobodys) {
  auto owners = OpenSocketOwners();
  ASSERT_TRUE(owners.ok()) << owners.status();
  const int mine = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in any{};
  any.sin_family = AF_INET;
  ASSERT_EQ(bind(mine, reinterpret_cast<sockaddr*>(&any), sizeof(any)), 0);
  socklen_t size = sizeof(any);
  getsockname(mine, reinterpret_cast<sockaddr*>(&any), &size);
  const uint16_t port = ntohs(any.sin_port);
  SocketAddress neighbour = Loopback(port);
  neighbour.address[12] = 198;  // 198.18.0.0/15 is on no real network
  neighbour.address[13] = 18;
  EXPECT_FALSE((*owners)->IsLocal(neighbour.address));
  EXPECT_FALSE((*owners)->Find(false, neighbour, Loopback(53)).has_value());
  EXPECT_TRUE((*owners)->Find(false, Loopback(port), Loopback(53)).has_value());
  close(mine);
}

}  // namespace
}  // namespace schoolgate::platform
