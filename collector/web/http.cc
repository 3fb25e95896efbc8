#include "collector/web/http.h"

#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace schoolgate::collector {
namespace {

std::string Find(const std::map<std::string, std::string>& map,
                 const std::string& name) {
  auto found = map.find(name);
  return found == map.end() ? std::string() : found->second;
}

}  // namespace

std::string Request::Header(const std::string& name) const {
  return Find(headers, name);
}

std::string Request::Query(const std::string& name) const {
  return Find(query, name);
}

std::string Request::Cookie(const std::string& name) const {
  for (absl::string_view part : absl::StrSplit(Header("cookie"), ';')) {
    part = absl::StripAsciiWhitespace(part);
    if (absl::ConsumePrefix(&part, name) && absl::ConsumePrefix(&part, "=")) {
      return std::string(part);
    }
  }
  return "";
}

Response JsonAnswer(const nlohmann::json& value, int status) {
  Response response;
  response.status = status;
  response.body =
      value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return response;
}

Response Refusal(int status, const std::string& code,
                 const std::string& words) {
  return JsonAnswer({{"error", code}, {"message", words}}, status);
}

Response Busy() { return Refusal(503, "busy", "Try again in a minute."); }

nlohmann::json BodyObject(const Request& request) {
  nlohmann::json body = nlohmann::json::parse(request.body, nullptr, false);
  return body.is_object() ? body : nlohmann::json::object();
}

std::string Text(const nlohmann::json& object, const std::string& key,
                 size_t limit) {
  auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return "";
  std::string text;
  for (char c : found->get_ref<const std::string&>()) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 ? byte != 0x7f : c == '\n') text.push_back(c);
  }
  if (text.size() > limit) {
    size_t end = limit;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) {
      --end;
    }
    text.resize(end);
  }
  return std::string(absl::StripAsciiWhitespace(text));
}

}  // namespace schoolgate::collector
