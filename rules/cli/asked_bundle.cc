#include "rules/cli/asked_bundle.h"

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "platform/complaint.h"
#include "rules/cli/key_ring.h"

namespace schoolgate::rules {

absl::StatusOr<std::shared_ptr<const Ruleset>> OpenToAsk(
    const std::string& path) {
  auto rules = Ruleset::Open(path);
  if (rules.ok() && (*rules)->file().signatures().signatures().empty()) {
    std::fprintf(stderr,
                 "%s: %s: warning: the bundle is not signed: a device will "
                 "refuse it: sign it before it is published\n",
                 kRulesProgram, path.c_str());
  }
  return rules;
}

int ComplainOfHost(const std::string& text) {
  return platform::Complain(
      kRulesProgram, absl::InvalidArgumentError(absl::StrCat(
                         text, ": ", kNoHost, ": write www.example.org")));
}

}  // namespace schoolgate::rules
