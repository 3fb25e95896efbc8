// A proxy on loopback between device and collector that carries bytes and,
// told so, cuts each connection after a while, in the middle of whatever is
// being said.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace schoolgate::tests {

// All public calls are thread-safe.
class CuttingProxy {
 public:
  // To 127.0.0.1 at the port of `collector` ("host:port").
  explicit CuttingProxy(const std::string& collector);
  ~CuttingProxy();
  CuttingProxy(const CuttingProxy&) = delete;

  std::string address() const;

  // From now on each connection ends, both ways at once and with a reset, when
  // it has carried `bytes` from the device; 0: never.
  void CutAfter(size_t bytes) { cut_after_ = bytes; }

  int connections() const { return connections_; }
  int cuts() const { return cuts_; }

 private:
  void Accept();
  void Carry(int device);

  const uint16_t to_port_;
  int listening_ = -1;
  uint16_t port_ = 0;
  std::atomic<bool> stop_{false};
  std::atomic<size_t> cut_after_{0};
  std::atomic<int> connections_{0};
  std::atomic<int> cuts_{0};
  std::mutex mutex_;
  std::vector<std::thread> carriers_;  // guarded by mutex_
  std::thread accepting_;
};

}  // namespace schoolgate::tests
