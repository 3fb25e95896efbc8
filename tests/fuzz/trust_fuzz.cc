// What may lie in place of a root of trust, or be held out as signatures: any
// bytes, or a sound root file ("E") or root ("R") with bytes changed.
#include <cstddef>
#include <cstdint>
#include <string>

#include "platform/check.h"
#include "rules/trust/example/example_school.h"
#include "rules/trust/trust_root.h"
#include "tests/fuzz/byte_edits.h"

namespace {

using namespace schoolgate;         // NOLINT
using namespace schoolgate::rules;  // NOLINT

void Judge(const TrustRoot& root, const v1::RootChain& chain) {
  SG_CHECK(root.content().keys_size() <= kMaxRootKeys);
  for (const auto& step : chain.roots()) {
    const auto signers =
        root.Check(v1::TRUST_ROLE_ROOT, "fuzz", step.root(), step.signatures());
    SG_CHECK(!signers.ok());  // nobody has signed in this context
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::string sound_file = ExampleRootFile();
  static const std::string sound_root = ExampleRoot().SerializeAsString();
  std::string bytes(reinterpret_cast<const char*>(data), size);
  if (size > 0 && data[0] == 'E') {
    bytes = Edited(sound_file, data + 1, size - 1);
  } else if (size > 0 && data[0] == 'R') {
    bytes = Edited(sound_root, data + 1, size - 1);
  }
  if (const auto root = TrustRoot::FromBytes(bytes); root.ok()) {
    Judge(*root, {});
  }
  const auto chain = ParseRootFile(bytes);
  if (!chain.ok()) return 0;
  if (const auto root = StartFromRootFile(*chain); root.ok()) {
    Judge(*root, *chain);
  }
  return 0;
}
