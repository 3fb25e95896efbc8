// A laptop short of memory would lose its filter, or a pupil's odd packets
// would bring the agent down at the worst moment.
#include <gtest/gtest.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <cstdlib>
#include <new>

#include "agent/observe/observer.h"
#include "tests/recall/scenes.h"

namespace {

// Allocations until one fails; then each fails until it is set again. Below
// zero: none fails.
long g_left = -1;

bool Fails() {
  if (g_left < 0) return false;
  if (g_left == 0) return true;
  --g_left;
  return false;
}

}  // namespace

// libcrypto has its own way to memory: it fails where this says so.
bool g_crypto_fails = false;
size_t g_crypto_failures = 0;

bool CryptoFails() {
  g_crypto_failures += g_crypto_fails;
  return g_crypto_fails;
}
void* CryptoMalloc(size_t size, const char*, int) {
  return CryptoFails() ? nullptr : std::malloc(size);
}
void* CryptoRealloc(void* memory, size_t size, const char*, int) {
  return CryptoFails() ? nullptr : std::realloc(memory, size);
}
void CryptoFree(void* memory, const char*, int) { std::free(memory); }

// Before libcrypto takes its first.
const bool g_hooked =
    CRYPTO_set_mem_functions(CryptoMalloc, CryptoRealloc, CryptoFree) == 1;

// Not inlined: the compiler would see malloc's memory given to delete, or the
// other way round, and complain.
[[gnu::noinline]] void* operator new(size_t size) {
  void* memory = Fails() ? nullptr : std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}

namespace schoolgate {
namespace {

// Counts, and allocates nothing.
class Names : public agent::ObservationSink {
 public:
  void OnName(const agent::Observation&) override { ++told; }
  size_t told = 0;
};

void Feed(agent::Observer& observer, const traffic::Scene& scene) {
  platform::Packet packet;
  packet.link_type = scene.link_type == 101 ? 12 : scene.link_type;
  for (const traffic::Buffer& bytes : scene.packets) {
    packet.bytes =
        traffic::Bytes(bytes).first(std::min(bytes.size(), scene.snap_bytes));
    packet.wire_bytes = static_cast<uint32_t>(bytes.size());
    ++packet.frame;
    observer.OnPacket(packet);
  }
}

agent::ObserverLimits Small() {
  agent::ObserverLimits limits;
  limits.flows.max_flows = 64;
  limits.max_partials = 16;
  return limits;
}

// Each allocation of a scene fails once, with all after it.
TEST(OutOfMemory, CostsOnlyWhatThePacketsAtThatTimeWouldHaveTold) {
  uint64_t failures = 0;
  for (const traffic::Scene& scene : traffic::AllScenes()) {
    for (long allowed = 0;; ++allowed) {
      Names names;
      agent::Observer observer(Small(), names);
      g_left = allowed;
      Feed(observer, scene);
      g_left = -1;
      const agent::ObserverCounters& counters = observer.counters();
      EXPECT_EQ(counters.packets, scene.packets.size());
      EXPECT_LE(names.told, scene.expected.size()) << scene.title;
      failures += counters.out_of_memory;
      if (counters.out_of_memory == 0) {
        observer.Finish();  // tells what a lost segment kept back
        EXPECT_EQ(names.told, scene.expected.size()) << scene.title;
        break;
      }
      // With memory again the same observer tells what comes.
      traffic::Flow later;
      later.client_port = 61000;
      later.server_port = 53;
      traffic::Scene query;
      query.packets = {
          traffic::UdpFrame(later, true, traffic::DnsQuery("a.example", 1))};
      const size_t before = names.told;
      query.link_type = 1;
      Feed(observer, query);
      EXPECT_EQ(names.told, before + 1) << scene.title << ' ' << allowed;
      observer.Finish();
    }
  }
  EXPECT_GT(failures, 100u);
}

// QUIC needs keys for each connection: without memory for them the name is
// lost, and nothing else.
TEST(OutOfMemory, InLibcryptoCostsNamesAtMost) {
  ASSERT_TRUE(g_hooked);
  for (const traffic::Scene& scene : traffic::QuicScenes()) {
    Names names;
    agent::Observer observer(Small(), names);
    g_crypto_fails = true;
    Feed(observer, scene);
    observer.Finish();
    g_crypto_fails = false;
    EXPECT_LE(names.told, scene.expected.size()) << scene.title;
    // With memory again the same observer tells all.
    names.told = 0;
    Feed(observer, scene);
    observer.Finish();
    EXPECT_EQ(names.told, scene.expected.size()) << scene.title;
  }
  // That it can fail, so that this shows something.
  g_crypto_fails = true;
  EXPECT_EQ(OPENSSL_malloc(16), nullptr);
  g_crypto_fails = false;
  EXPECT_GT(g_crypto_failures, 0u);
}

}  // namespace
}  // namespace schoolgate
