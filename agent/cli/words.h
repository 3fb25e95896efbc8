// The agent's answers in plain words, fit for a child.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace schoolgate::agent {

// What `schoolgate status` prints for the agent's status object.
std::string StatusInWords(const nlohmann::json& status);

// What `schoolgate record` prints.
std::string RecordInWords(const nlohmann::json& answer);

// What `schoolgate notice` prints.
std::string SchoolNoticeInWords(const nlohmann::json& answer);

// What `schoolgate preview GROUP` prints.
std::string PreviewInWords(const nlohmann::json& answer);

// The request for a lesson pass that the answer leads to: the first host that
// a pass may open, and all of them in the words that go with the report. No
// host: there is nothing to ask for.
struct PassRequest {
  std::string host, words;
};
PassRequest RequestFrom(const nlohmann::json& answer,
                        const std::string& reason);

// What `schoolgate rules` prints: all that holds for who asks, fit to be put
// on a wall.
std::string RulesInWords(const nlohmann::json& answer);

// What `schoolgate why HOST` prints.
std::string WhyInWords(const nlohmann::json& answer);

}  // namespace schoolgate::agent
