#include "agent/labels/protocol_meaning.h"

#include <algorithm>

namespace schoolgate::agent {
namespace {

struct Row {
  std::string_view word;
  ProtocolMeaning meaning;
};

// What people run to get round a filter, to reach a computer from elsewhere,
// or to share files. Sorted. Left out: what a school's own devices speak all
// day (SSH to a server room is for the policy's hosts to judge), and IPsec and
// GTP, which telephones use for calls over Wi-Fi.
constexpr Row kRows[] = {
    {"AnyDesk", {"remote-access", Blind::kNone}},
    {"Ayiya", {"bypass", Blind::kVpn}},
    {"BitTorrent", {"file-sharing", Blind::kNone}},
    {"CiscoVPN", {"bypass", Blind::kVpn}},
    {"DNScrypt", {"bypass", Blind::kDoh}},
    {"DirectConnect", {"file-sharing", Blind::kNone}},
    {"FastTrack", {"file-sharing", Blind::kNone}},
    {"FortiClient", {"bypass", Blind::kVpn}},
    {"Gnutella", {"file-sharing", Blind::kNone}},
    {"HotspotShield", {"bypass", Blind::kVpn}},
    {"OpenVPN", {"bypass", Blind::kVpn}},
    {"PPTP", {"bypass", Blind::kVpn}},
    {"RDP", {"remote-access", Blind::kNone}},
    {"SOCKS", {"bypass", Blind::kVpn}},
    {"Teamviewer", {"remote-access", Blind::kNone}},
    {"TeamViewer", {"remote-access", Blind::kNone}},
    {"Teredo", {"bypass", Blind::kVpn}},
    {"Thunder", {"file-sharing", Blind::kNone}},
    {"TINC", {"bypass", Blind::kVpn}},
    {"Tor", {"bypass", Blind::kTor}},
    {"VNC", {"remote-access", Blind::kNone}},
    {"WireGuard", {"bypass", Blind::kVpn}},
    {"eDonkey", {"file-sharing", Blind::kNone}},
    {"iCloudPrivateRelay", {"bypass", Blind::kVpn}},
};

}  // namespace

ProtocolMeaning MeaningOf(std::string_view label) {
  while (!label.empty()) {
    const size_t dot = std::min(label.find('.'), label.size());
    const std::string_view word = label.substr(0, dot);
    for (const Row& row : kRows) {
      if (row.word == word) return row.meaning;
    }
    label.remove_prefix(std::min(dot + 1, label.size()));
  }
  return {};
}

}  // namespace schoolgate::agent
