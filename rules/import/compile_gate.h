// What no list may accuse, whatever it says.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/bundle.pb.h"

namespace schoolgate::rules {

enum class GateRefusal {
  kNone,
  kPublicSuffix,  // it would take in everybody's sites below it
  kStopList,      // schools, log-in, updates: blocking it breaks the world
  kPopular,       // too widely used to be what the list says
};

// "public suffix", "stop list", "widely used".
std::string_view GateRefusalName(GateRefusal refusal);

// Filled once, then asked. Asking is thread-safe.
class CompileGate {
 public:
  // With the stop list that comes with the program.
  static absl::StatusOr<std::unique_ptr<CompileGate>> Make();
  ~CompileGate();

  // Lines "[stop]" or "[popular]" open a part; then a host a line: "x.org"
  // protects the host itself and keeps every name above it unlisted;
  // ".x.org" also protects everything below it. "ok=video,social" behind a
  // host names categories that may list it. INVALID_ARGUMENT: "NAME:LINE: ...".
  absl::Status AddStopList(std::string_view text, const std::string& name);

  // Lines "CATEGORY HOST # REASON"; the reason is required: it is signed
  // with the bundle and shown to whoever asks.
  absl::Status AddExceptions(std::string_view text, const std::string& name);

  // Whether the category may list the host.
  GateRefusal Check(std::string_view host, std::string_view category) const;

  // Whether the category, which may list the host, lists nothing below it: it
  // is a company's public suffix with everybody's sites below, and nobody said
  // that those are meant too.
  bool ListsAlone(std::string_view host, std::string_view category) const;

  const std::vector<v1::GateException>& exceptions() const {
    return exceptions_;
  }

 private:
  struct Protection {
    bool below = false;
    bool stop = false;
    std::set<std::string, std::less<>> ok;
  };

  CompileGate();
  // Whether an exception or an "ok=" of this very host says so.
  bool IsMeant(std::string_view host, std::string_view category) const;
  const Protection* FindProtection(std::string_view host) const;
  absl::Status AddStopLine(std::string_view line, bool stop);

  struct SuffixList;
  std::unique_ptr<SuffixList> suffixes_;
  std::map<std::string, Protection, std::less<>> protected_;
  std::set<std::string, std::less<>> above_protected_;
  std::set<std::pair<std::string, std::string>, std::less<>> allowed_;
  std::vector<v1::GateException> exceptions_;
};

}  // namespace schoolgate::rules
