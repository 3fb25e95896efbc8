// How every verb prints a record with --json.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace schoolgate::rules {

// One line without its end. What is no UTF-8 (a path may be anything) is
// replaced: the library would end the program otherwise.
template <typename Json>
std::string JsonLine(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace schoolgate::rules
