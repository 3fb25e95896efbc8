// Plain HTTP/1: who a request is for, and where an answer sends its asker.
#pragma once

#include <cstddef>

#include "agent/capture/byte_reader.h"

namespace schoolgate::agent {

// Request heads longer than this are not looked at any further.
inline constexpr size_t kMaxRequestHead = 16384;

// Cheap: whether bytes start with a method of HTTP, or with as much of one as
// there is, but not with fewer than `least` bytes of it.
bool StartsLikeHttp(Bytes bytes, size_t least = 4);

// Whether bytes start as a request of any method does, WebDAV's and others', or
// with as much of one as there is.
bool MayBeMethod(Bytes bytes);

// Past the empty lines that servers ignore in front of a request (RFC 9112,
// 2.2).
Bytes SkipEmptyLines(Bytes bytes);

enum class HttpResult { kFound, kNeedMore, kNot };

struct HttpRequest {
  Bytes host;       // without port; from the Host field, or CONNECT's target
  size_t used = 0;  // bytes of the head, of a longer one kMaxRequestHead
  bool beyond = false;  // kNot: kMaxRequestHead bytes do not name the host
};

// Reads a request head from the start of `bytes`. kFound with an empty host
// when the request names none.
HttpResult ReadHttpRequest(Bytes bytes, HttpRequest* request);

// The host, without port, that a redirection (RFC 9110, 15.4) names in its
// Location field. Empty for every other answer, and where the host stays the
// same or does not stand in these bytes.
Bytes RedirectHost(Bytes answer);

}  // namespace schoolgate::agent
