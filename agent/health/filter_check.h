// The device's own check of its filter, along the way that a user's question
// goes: a question for a canary host on loopback must be refused when the
// policy blocks its category, and every name must be seen.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "platform/loopback_questions.h"
#include "proto/event.pb.h"

namespace schoolgate::agent {

// What the test may ask of the agent around it.
struct SelfTestWorld {
  // What a person without a name would get for this host.
  std::function<bool(const std::string& host)> blocks;
  std::function<bool(const std::string& host)> saw;
  // Names that are tests: judged as any, told to nobody.
  std::function<void(std::set<std::string> names)> expect;
};

// Not thread-safe.
class SelfTest {
 public:
  static constexpr absl::Duration kPatience = absl::Seconds(2);

  explicit SelfTest(SelfTestWorld world) : world_(std::move(world)) {}

  // Begins a test, also while one is under way. `enforcing`: whether what is
  // blocked is really stopped; if not, only seeing is tested.
  void Begin(bool enforcing, absl::Duration now);

  bool under_way() const { return questions_ != nullptr; }

  // The results, once there are all or patience is over; else nothing.
  std::vector<v1::SelfTest> Poll(absl::Duration now);

 private:
  struct Asked {
    std::string what;
    std::string name;
    bool blocked = false;  // should be
  };

  SelfTestWorld world_;
  std::vector<Asked> asked_;
  std::unique_ptr<platform::LoopbackQuestions> questions_;
  absl::Duration until_;
};

// "pass", or "fail: " and what failed.
std::string InOneLine(const std::vector<v1::SelfTest>& results);

}  // namespace schoolgate::agent
