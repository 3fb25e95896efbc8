// Any bytes as HTTP requests one after the other, and as an answer.
#include "agent/observe/http_request.h"
#include "platform/check.h"

using namespace schoolgate::agent;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  Bytes input(bytes, size);
  SG_CHECK(RedirectHost(input).size() < size || size == 0);
  while (StartsLikeHttp(input)) {
    HttpRequest request;
    if (ReadHttpRequest(input, &request) != HttpResult::kFound) break;
    SG_CHECK(request.used > 0 && request.used <= input.size());
    SG_CHECK(request.host.size() <= request.used);
    input = input.subspan(request.used);
  }
  return 0;
}
