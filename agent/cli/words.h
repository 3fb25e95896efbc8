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

// What `schoolgate why HOST` prints.
std::string WhyInWords(const nlohmann::json& answer);

}  // namespace schoolgate::agent
