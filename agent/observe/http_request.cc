#include "agent/observe/http_request.h"

#include <algorithm>
#include <string_view>

namespace schoolgate::agent {
namespace {

constexpr std::string_view kMethods[] = {
    "GET ",     "POST ",  "HEAD ",     "PUT ",   "DELETE ", "OPTIONS ",
    "CONNECT ", "PATCH ", "PROPFIND ", "TRACE ", "REPORT ", "MKCOL "};

Bytes TrimmedHost(std::string_view host) {
  while (!host.empty() && (host.front() == ' ' || host.front() == '\t')) {
    host.remove_prefix(1);
  }
  while (!host.empty() && (host.back() == ' ' || host.back() == '\t')) {
    host.remove_suffix(1);
  }
  if (!host.empty() && host.front() == '[') {
    const size_t close = host.find(']');
    host = close == std::string_view::npos ? "" : host.substr(1, close - 1);
  } else if (const size_t colon = host.rfind(':');
             colon != std::string_view::npos) {
    host = host.substr(0, colon);
  }
  return AsBytes(host);
}

bool IsHostField(std::string_view line) {
  return line.size() >= 5 && line[4] == ':' && (line[0] | 32) == 'h' &&
         (line[1] | 32) == 'o' && (line[2] | 32) == 's' &&
         (line[3] | 32) == 't';
}

// "GET target HTTP/1.1": the target, or nothing when it is no request line.
std::string_view Target(std::string_view line) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == last || !line.substr(last + 1).starts_with("HTTP/1.")) {
    return {};
  }
  return line.substr(first + 1, last - first - 1);
}

std::string_view Authority(std::string_view target) {
  const size_t scheme = target.find("://");
  if (scheme == std::string_view::npos || scheme > 8) return {};
  target.remove_prefix(scheme + 3);
  return target.substr(0, target.find_first_of("/?#"));
}

}  // namespace

Bytes SkipEmptyLines(Bytes bytes) {
  while (!bytes.empty() && (bytes[0] == '\r' || bytes[0] == '\n')) {
    bytes = bytes.subspan(1);
  }
  return bytes;
}

bool StartsLikeHttp(Bytes bytes, size_t least) {
  if (bytes.empty() || bytes.size() < least || bytes[0] < 'C' || bytes[0] > 'T')
    return false;
  const std::string_view text =
      AsText(bytes.first(std::min<size_t>(bytes.size(), 10)));
  return std::any_of(
      std::begin(kMethods), std::end(kMethods), [&](std::string_view method) {
        const size_t common = std::min(method.size(), text.size());
        return text.substr(0, common) == method.substr(0, common);
      });
}

HttpResult ReadHttpRequest(Bytes bytes, HttpRequest* request) {
  *request = {};
  std::string_view text =
      AsText(bytes.first(std::min(bytes.size(), kMaxRequestHead)));
  const bool all = bytes.size() >= kMaxRequestHead;
  std::string_view target;
  std::string_view host;
  bool connect = false;
  for (size_t at = 0, line_number = 0;; ++line_number) {
    const size_t end = text.find('\n', at);
    if (end == std::string_view::npos) {
      request->beyond = all;
      return all ? HttpResult::kNot : HttpResult::kNeedMore;
    }
    std::string_view line = text.substr(at, end - at);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    at = end + 1;
    if (line_number == 0) {
      target = Target(line);
      connect = line.starts_with("CONNECT ");
      if (target.empty()) return HttpResult::kNot;
    } else if (line.empty()) {
      request->used = at;
      break;
    } else if (IsHostField(line) && host.empty()) {
      host = line.substr(5);
    }
  }
  if (connect) {
    host = target;
  } else if (const auto authority = Authority(target); !authority.empty()) {
    host = authority;
  }
  request->host = TrimmedHost(host);
  return HttpResult::kFound;
}

}  // namespace schoolgate::agent
