#include "tests/uplink/cutting_proxy.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "platform/check.h"

namespace schoolgate::tests {
namespace {

constexpr int kLookMs = 50;  // how long a stop may take to be seen

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool WriteAll(int to, const char* bytes, size_t size) {
  while (size > 0) {
    const ssize_t written = send(to, bytes, size, MSG_NOSIGNAL);
    if (written <= 0) return false;
    bytes += written;
    size -= static_cast<size_t>(written);
  }
  return true;
}

void CloseWithReset(int socket) {
  const linger now{.l_onoff = 1, .l_linger = 0};
  setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close(socket);
}

}  // namespace

CuttingProxy::CuttingProxy(const std::string& collector)
    : to_port_(static_cast<uint16_t>(
          std::stoi(collector.substr(collector.rfind(':') + 1)))) {
  listening_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof address;
  SG_CHECK(bind(listening_, reinterpret_cast<sockaddr*>(&address), size) == 0);
  SG_CHECK(listen(listening_, 64) == 0);
  SG_CHECK(getsockname(listening_, reinterpret_cast<sockaddr*>(&address),
                       &size) == 0);
  port_ = ntohs(address.sin_port);
  accepting_ = std::thread([this] { Accept(); });
}

CuttingProxy::~CuttingProxy() {
  stop_ = true;
  accepting_.join();
  for (std::thread& carrier : carriers_) carrier.join();
  close(listening_);
}

std::string CuttingProxy::address() const {
  return "127.0.0.1:" + std::to_string(port_);
}

void CuttingProxy::Accept() {
  while (!stop_) {
    pollfd wait{.fd = listening_, .events = POLLIN, .revents = 0};
    if (poll(&wait, 1, kLookMs) <= 0) continue;
    const int device = accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
    if (device < 0) continue;
    ++connections_;
    const std::lock_guard lock(mutex_);
    carriers_.emplace_back([this, device] { Carry(device); });
  }
}

void CuttingProxy::Carry(int device) {
  const int collector = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(to_port_);
  size_t left = cut_after_;
  bool open = connect(collector, reinterpret_cast<const sockaddr*>(&address),
                      sizeof address) == 0;
  const bool cuts = left > 0;
  std::array<char, 16384> bytes;
  while (open && !stop_) {
    std::array<pollfd, 2> ends{
        {{.fd = device, .events = POLLIN, .revents = 0},
         {.fd = collector, .events = POLLIN, .revents = 0}}};
    if (poll(ends.data(), ends.size(), kLookMs) <= 0) continue;
    if (ends[0].revents != 0) {
      ssize_t size = recv(device, bytes.data(), bytes.size(), 0);
      if (size > 0 && cuts && static_cast<size_t>(size) >= left) {
        ++cuts_;
        (void)WriteAll(collector, bytes.data(), left);
        break;
      }
      open = size > 0 &&
             WriteAll(collector, bytes.data(), static_cast<size_t>(size));
      if (open) left -= cuts ? static_cast<size_t>(size) : 0;
    }
    if (open && ends[1].revents != 0) {
      const ssize_t size = recv(collector, bytes.data(), bytes.size(), 0);
      open =
          size > 0 && WriteAll(device, bytes.data(), static_cast<size_t>(size));
    }
  }
  CloseWithReset(device);
  CloseWithReset(collector);
}

}  // namespace schoolgate::tests
