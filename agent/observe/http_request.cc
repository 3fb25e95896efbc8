#include "agent/observe/http_request.h"

#include <algorithm>
#include <string_view>

namespace schoolgate::agent {
namespace {

constexpr std::string_view kMethods[] = {
    "GET ",     "POST ",  "HEAD ",     "PUT ",   "DELETE ", "OPTIONS ",
    "CONNECT ", "PATCH ", "PROPFIND ", "TRACE ", "REPORT ", "MKCOL "};

// Of those that are registered UPDATEREDIRECTREF is the longest.
constexpr size_t kLongestMethod = 24;

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
    text.remove_prefix(1);
  }
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
    text.remove_suffix(1);
  }
  return text;
}

Bytes TrimmedHost(std::string_view host) {
  host = Trimmed(host);
  if (!host.empty() && host.front() == '[') {
    const size_t close = host.find(']');
    host = close == std::string_view::npos ? "" : host.substr(1, close - 1);
  } else if (const size_t colon = host.rfind(':');
             colon != std::string_view::npos) {
    host = host.substr(0, colon);
  }
  return AsBytes(host);
}

// `name` in lower case.
bool IsField(std::string_view line, std::string_view name) {
  return line.size() > name.size() && line[name.size()] == ':' &&
         std::equal(name.begin(), name.end(), line.begin(),
                    [](char want, char is) { return (is | 32) == want; });
}

// "GET target HTTP/1.1": the target, or nothing when it is no request line.
std::string_view Target(std::string_view line) {
  line = Trimmed(line);  // servers take blanks behind it
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == last || !line.substr(last + 1).starts_with("HTTP/1.")) {
    return {};
  }
  return Trimmed(line.substr(first + 1, last - first - 1));
}

// Before an @ stands a user's name.
std::string_view WithoutUser(std::string_view authority) {
  const size_t at = authority.rfind('@');
  return at == std::string_view::npos ? authority : authority.substr(at + 1);
}

std::string_view Authority(std::string_view target) {
  const size_t scheme = target.find("://");
  if (scheme == std::string_view::npos || scheme > 8) return {};
  target.remove_prefix(scheme + 3);
  return WithoutUser(target.substr(0, target.find_first_of("/?#")));
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

bool MayBeMethod(Bytes bytes) {
  const std::string_view text = AsText(bytes);
  const auto is_part = [](char c) {
    return (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
  };
  const auto end = std::find_if_not(text.begin(), text.end(), is_part);
  const auto length = static_cast<size_t>(end - text.begin());
  if (text.empty() || length > kLongestMethod) return false;
  if (end == text.end()) return true;
  if (length == 0 || *end != ' ') return false;
  const std::string_view target = Trimmed(text.substr(length));
  return target.empty() || target.front() == '/' || target.front() == '*' ||
         target.substr(0, 4) == std::string_view("http").substr(
                                    0, std::min<size_t>(target.size(), 4));
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
      if (!all) return HttpResult::kNeedMore;
      if (host.empty()) {
        request->beyond = true;
        return HttpResult::kNot;
      }
      request->used = text.size();
      break;
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
    } else if (IsField(line, "host") && host.empty()) {
      host = line.substr(5);
    }
  }
  if (connect) {
    host = WithoutUser(target);
  } else if (const auto authority = Authority(target); !authority.empty()) {
    host = authority;
  }
  request->host = TrimmedHost(host);
  return HttpResult::kFound;
}

Bytes RedirectHost(Bytes answer) {
  // "HTTP/1.1 302 Found"
  constexpr size_t kCodeAt = 9;
  std::string_view text =
      AsText(answer.first(std::min(answer.size(), kMaxRequestHead)));
  if (text.size() <= kCodeAt || !text.starts_with("HTTP/1.") ||
      text[kCodeAt] != '3') {
    return {};
  }
  for (size_t end = text.find('\n'); end != std::string_view::npos;
       end = text.find('\n')) {
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.empty()) break;
    if (!IsField(line, "location")) continue;
    std::string_view to = Trimmed(line.substr(sizeof("location")));
    return TrimmedHost(
        to.starts_with("//")
            ? WithoutUser(to.substr(2, to.find_first_of("/?#", 2) - 2))
            : Authority(to));
  }
  return {};
}

}  // namespace schoolgate::agent
