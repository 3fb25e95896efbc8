// What our own YAML files have in common: a setter for each key, and the first
// complaint, with its line and where the keys are listed.
#pragma once

#include <yaml-cpp/yaml.h>

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace schoolgate::platform {

// For one file, used once. One thread.
class YamlReader {
 protected:
  using Setter = std::function<void(const YAML::Node&)>;
  using Keys = std::map<std::string, Setter>;

  // `file` and `listed_in` are named in complaints.
  YamlReader(std::string file, std::string_view listed_in)
      : file_(std::move(file)), listed_in_(listed_in) {}
  ~YamlReader() = default;

  // The first complaint that `read_root` had of `text`, or OK.
  absl::Status ReadAll(const std::string& text, const Setter& read_root);

  void Map(const YAML::Node& map, const Keys& keys);
  // As Map, of a file whose other keys somebody else reads.
  void MapAmongOthers(const YAML::Node& map, const Keys& keys);
  void List(const YAML::Node& node, const Setter& each);
  Setter Text(std::string* to);
  Setter Texts(std::vector<std::string>* to);
  Setter Flag(bool* to);

  // Keeps the first.
  void Wrong(const YAML::Node& node, std::string_view why);
  bool ok() const { return status_.ok(); }

 private:
  void EachKey(const YAML::Node& map, const Keys& keys, const Setter& other);

  const std::string file_;
  const std::string listed_in_;
  absl::Status status_;
};

}  // namespace schoolgate::platform
