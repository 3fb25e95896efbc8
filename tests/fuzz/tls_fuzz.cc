// Any bytes as the start of a TLS stream. What is found must be found again
// when the bytes come in two parts, and never before they are there.
#include <vector>

#include "agent/observe/client_hello.h"
#include "platform/check.h"

using namespace schoolgate::agent;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const Bytes input(bytes, size);
  std::vector<uint8_t> scratch;
  ClientHello hello;
  const StreamSearch whole = FindClientHello(input, &scratch, &hello);
  if (whole.result == Search::kFound) {
    SG_CHECK(whole.used <= size);
    SG_CHECK(hello.server_name().size() <= size);
    const size_t cut = whole.used / 2;
    const StreamSearch part =
        FindClientHello(input.first(cut), &scratch, &hello);
    SG_CHECK(part.result != Search::kFound);
    if (cut > 0) {
      SG_CHECK(part.result == Search::kNeedMore);
      SG_CHECK(part.need > cut && part.need <= whole.used);
    }
  }
  if (whole.result == Search::kNeedMore) SG_CHECK(whole.need > size);
  ParseClientHello(input, /*datagram=*/true, &hello);
  return 0;
}
