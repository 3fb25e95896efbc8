// A request and an answer, as the dashboard's server passes them around.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "nlohmann/json.hpp"

namespace schoolgate::collector {

struct Request {
  std::string method;
  std::string path;                            // without the query
  std::map<std::string, std::string> query;    // "after" -> "17"
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  std::string address;  // of the other end, no port

  // Empty when absent.
  std::string Header(const std::string& name) const;
  std::string Query(const std::string& name) const;
  std::string Cookie(const std::string& name) const;
};

struct Response {
  int status = 200;
  std::string type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

// Bytes that are not UTF-8 are replaced, never refused.
Response JsonAnswer(const nlohmann::json& value, int status = 200);

// {"error": code, "message": words}: the words are for the reader, the code
// is for the page.
Response Refusal(int status, const std::string& code, const std::string& words);

// 503: a store is away for the moment.
Response Busy();

// The whole body as a JSON object; an empty object when it is not one.
nlohmann::json BodyObject(const Request& request);

// A text of the object, cut to `limit` bytes at a character's end and without
// control characters other than line breaks; empty when it is not a text.
std::string Text(const nlohmann::json& object, const std::string& key,
                 size_t limit);

}  // namespace schoolgate::collector
