// What else happened on a device around a contact: names as hashes only, for
// at most a minute, so that no benign name is kept.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string_view>
#include <unordered_map>

#include "agent/decide/recent_map.h"
#include "agent/observe/observation.h"
#include "proto/event.pb.h"

namespace schoolgate::agent {

using NameHash = uint64_t;

// Not thread-safe; told the time.
class Scene {
 public:
  static constexpr int64_t kKeepUs = 60'000'000;
  static constexpr size_t kMostNames = 4096;
  static constexpr size_t kMostEdges = 512;
  static constexpr size_t kMostFlows = 8192;

  explicit Scene(uint64_t hash_key) : hash_key_(hash_key) {}

  NameHash Hash(std::string_view text) const;

  // Any name, benign or not. `service`: the hash of its service.
  void OnName(const Observation& observation, NameHash name, NameHash service,
              v1::ProcessKind process, bool relevant);

  // Which service a connection belongs to.
  void NameFlow(FlowId flow, NameHash service);

  struct FlowChange {
    NameHash service = 0;  // 0: no name known
    // Since last told: what this packet brought, and what came before it.
    uint64_t now_bytes = 0;
    uint64_t earlier_bytes = 0;
    int64_t earlier_us = 0;  // when the latter came, at the latest
    int64_t begun_us = 0;    // when it began to carry more than a greeting

    uint64_t received_bytes() const { return now_bytes + earlier_bytes; }
  };
  FlowChange OnFlow(const FlowProgress& progress);

  // Time between `at` and the last name of a browser before it that belongs
  // to another service, or is an inner name of this one: a visit begins at
  // the front door, an embed often with its script. None counts as a minute,
  // but no longer than since the clock was set back.
  int64_t SilenceBefore(int64_t at_us, NameHash service);

  // Exactly one other site in the moment before, and silence before that.
  bool OneHopBefore(int64_t at_us, NameHash service);

  uint32_t SitesBetween(int64_t from_us, int64_t to_us, NameHash service);

  // A page of another site was contacted in the minute before that `brings`
  // says brings it in; told is the page's site, as PageKnowledge numbers it.
  bool BroughtInBefore(int64_t at_us, NameHash service,
                       const std::function<bool(uint64_t page)>& brings) const;

  // A connection of another service that had been quiet began to carry data.
  bool PageBusyBefore(int64_t at_us, NameHash service) const;

  // The name is looked up as programs do it, while this device's browser does
  // it otherwise; or the socket's owner is known not to be a browser.
  bool IsProgram(NameHash name);

  void Forget(int64_t now_us);

 private:
  struct Heard {
    int64_t time_us;
    NameHash name, service;
    v1::ProcessKind process;
    bool front_door;
    uint64_t site;  // as PageKnowledge numbers it
  };
  struct Edge {
    int64_t time_us;
    NameHash service;
    FlowId flow;
    uint64_t received_bytes;  // soon after
  };
  struct FlowView {
    NameHash service = 0;
    int64_t begun_us = 0;
    uint64_t received_bytes = 0;
    int64_t told_us = 0;
    bool program = false;
  };
  struct Asked {
    int64_t address_us = 0;  // A or AAAA
    int64_t https_us = 0;
    v1::ProcessKind process = v1::PROCESS_KIND_UNSPECIFIED;
  };

  void SetBack(int64_t now_us);
  void NoteWoken(const FlowProgress& progress, uint64_t bytes);
  void NoteQuestion(const Observation& observation, NameHash name,
                    v1::ProcessKind process, bool relevant);
  bool Counts(const Heard& heard, NameHash service);

  uint64_t hash_key_;
  int64_t now_us_ = 0;  // of the latest name: the maps must not go back
  int64_t since_us_ = -kKeepUs;  // what came before has a time of its own
  std::deque<Heard> heard_;
  std::deque<Edge> edges_;
  std::unordered_map<FlowId, FlowView> flows_;
  RecentMap<NameHash, Asked> asked_{kKeepUs, kMostNames};
  RecentMap<NameHash, Asked> relevant_asked_{600'000'000, kMostNames};
  // How this device's browser asks: with the HTTPS record or without.
  uint32_t questions_ = 0;
  uint32_t with_https_ = 0;
};

}  // namespace schoolgate::agent
