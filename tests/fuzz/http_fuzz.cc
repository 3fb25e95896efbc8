// Any bytes as HTTP requests one after the other.
#include "agent/observe/http_request.h"
#include "platform/check.h"

using namespace schoolgate::agent;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  Bytes input(bytes, size);
  while (StartsLikeHttp(input)) {
    HttpRequest request;
    if (ReadHttpRequest(input, &request) != HttpResult::kFound) break;
    SG_CHECK(request.used > 0 && request.used <= input.size());
    SG_CHECK(request.host.size() <= request.used);
    input = input.subspan(request.used);
  }
  return 0;
}
