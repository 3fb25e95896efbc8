// Pieces of a hello or of DNS messages in each order that a network may bring
// them.
#include <algorithm>

#include "tests/recall/scenes.h"

namespace schoolgate::traffic {
namespace {

constexpr uint8_t kSyn = 2;
constexpr uint8_t kAck = 16;
constexpr uint32_t kNearWrap = 0xfffffc00;  // the sequence numbers wrap

Buffer Third(const Buffer& bytes, size_t piece) {
  const size_t third = bytes.size() / 3;
  const size_t end = piece == 2 ? bytes.size() : (piece + 1) * third;
  return Buffer(bytes.begin() + static_cast<long>(piece * third),
                bytes.begin() + static_cast<long>(end));
}

std::string Title(const std::string& start, const std::vector<size_t>& order) {
  std::string title = start;
  for (size_t piece : order) title += "-" + std::to_string(piece + 1);
  return title;
}

// `order` may hold a piece twice; it holds each at least once.
Scene Stream(const std::string& start, uint16_t port, const Buffer& bytes,
             const std::vector<size_t>& order, bool syn) {
  Flow flow;
  flow.server_port = port;
  Scene scene{Title(start, order), {}, {}};
  if (syn) scene.packets.push_back(TcpFrame(flow, true, kNearWrap, kSyn, {}));
  for (size_t piece : order) {
    const size_t offset = piece * (bytes.size() / 3);
    scene.packets.push_back(
        TcpFrame(flow, true, kNearWrap + 1 + static_cast<uint32_t>(offset),
                 kAck, Third(bytes, piece)));
  }
  return scene;
}

// The packet that completes all three pieces.
std::string Completing(const std::vector<size_t>& order, size_t in_front) {
  bool seen[3] = {};
  for (size_t i = 0; i < order.size(); ++i) {
    seen[order[i]] = true;
    if (seen[0] && seen[1] && seen[2]) return std::to_string(i + 1 + in_front);
  }
  return "";
}

const std::vector<std::vector<size_t>>& Orders() {
  static const std::vector<std::vector<size_t>> orders = {
      {0, 1, 2}, {0, 2, 1},    {1, 0, 2},    {1, 2, 0},    {2, 0, 1},
      {2, 1, 0}, {1, 1, 0, 2}, {2, 0, 0, 1}, {2, 1, 2, 0}, {0, 2, 0, 1}};
  return orders;
}

std::vector<Scene> HelloScenes() {
  const Buffer hello = TlsRecords(
      ClientHello({.name = "order.example.org", .padding = 2400}), 1000);
  std::vector<Scene> scenes;
  for (const auto& order : Orders()) {
    for (const bool syn : {true, false}) {
      Scene scene = Stream(syn ? "order-tls" : "order-tls-no-syn", 443, hello,
                           order, syn);
      scene.expected = {Completing(order, syn ? 1 : 0) +
                        " tls order.example.org"};
      scenes.push_back(scene);
    }
  }
  return scenes;
}

std::vector<Scene> DnsStreamScenes() {
  const Buffer message = WithLength(
      DnsQuery("a-long-name-to-be-cut-into-three.order.example.org", 1));
  std::vector<Scene> scenes;
  for (const auto& order : Orders()) {
    Scene scene = Stream("order-dns", 53, message, order, /*syn=*/true);
    scene.expected = {
        Completing(order, 1) +
        " dns a-long-name-to-be-cut-into-three.order.example.org"};
    scenes.push_back(scene);
  }
  return scenes;
}

std::vector<Scene> QuicOrderScenes() {
  const Buffer hello = ClientHello(
      {.name = "order.example.org", .alpn = {"h3"}, .padding = 2800});
  std::vector<Scene> scenes;
  for (const auto& order : Orders()) {
    Scene scene{Title("order-quic", order), {}, {}};
    for (size_t i = 0; i < order.size(); ++i) {
      const Buffer frame =
          CryptoFrame(order[i] * (hello.size() / 3), Third(hello, order[i]));
      scene.packets.push_back(UdpFrame(
          {}, true, Initial({.number = static_cast<uint32_t>(i)}, frame)));
    }
    scene.expected = {Completing(order, 0) + " quic order.example.org"};
    scenes.push_back(scene);
  }
  return scenes;
}

}  // namespace

std::vector<Scene> OrderScenes() {
  std::vector<Scene> scenes = HelloScenes();
  for (const auto& more : {DnsStreamScenes(), QuicOrderScenes()}) {
    scenes.insert(scenes.end(), more.begin(), more.end());
  }
  return scenes;
}

}  // namespace schoolgate::traffic
