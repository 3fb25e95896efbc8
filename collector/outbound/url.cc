#include "collector/outbound/url.h"

namespace schoolgate::collector {

std::string HostOfUrl(const std::string& url) {
  const size_t start = url.find("://");
  if (start == std::string::npos) return "";
  const std::string rest = url.substr(start + 3);
  return rest.starts_with('[') ? rest.substr(0, rest.find(']') + 1)
                               : rest.substr(0, rest.find_first_of(":/?#"));
}

bool IsThisMachine(std::string_view host) {
  return host == "127.0.0.1" || host == "localhost" || host == "[::1]";
}

}  // namespace schoolgate::collector
