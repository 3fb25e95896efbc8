#include "platform/yaml/yaml_reader.h"

#include "absl/strings/str_cat.h"

namespace schoolgate::platform {

absl::Status YamlReader::ReadAll(const std::string& text,
                                 const Setter& read_root) {
  // yaml-cpp throws; it stays in here.
  try {
    read_root(YAML::Load(text));
  } catch (const YAML::ParserException& error) {
    return absl::InvalidArgumentError(
        absl::StrCat(file_, ":", error.mark.line + 1, ": not YAML: ", error.msg,
                     ": mend the line"));
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(
        file_, ":", error.mark.line + 1, ": ", error.msg, ": mend the line"));
  }
  return status_;
}

void YamlReader::Map(const YAML::Node& map, const Keys& keys) {
  EachKey(map, keys, [this](const YAML::Node& key) {
    Wrong(key, absl::StrCat("unknown key \"", key.as<std::string>(""), "\""));
  });
}

void YamlReader::MapAmongOthers(const YAML::Node& map, const Keys& keys) {
  EachKey(map, keys, [](const YAML::Node&) {});
}

void YamlReader::EachKey(const YAML::Node& map, const Keys& keys,
                         const Setter& other) {
  if (!map.IsMap()) return Wrong(map, "expected lines of `key: value`");
  for (const auto& entry : map) {
    const auto known = keys.find(entry.first.as<std::string>(""));
    if (known == keys.end()) {
      other(entry.first);
    } else {
      known->second(entry.second);
    }
  }
}

void YamlReader::List(const YAML::Node& node, const Setter& each) {
  if (!node.IsSequence()) return Wrong(node, "expected a list");
  for (const YAML::Node& item : node) each(item);
}

YamlReader::Setter YamlReader::Text(std::string* to) {
  return [this, to](const YAML::Node& node) {
    if (!node.IsScalar()) return Wrong(node, "expected a word");
    *to = node.Scalar();
  };
}

YamlReader::Setter YamlReader::Texts(std::vector<std::string>* to) {
  return [this, to](const YAML::Node& node) {
    List(node, [&](const YAML::Node& item) {
      const Setter set = Text(&to->emplace_back());
      set(item);
    });
  };
}

YamlReader::Setter YamlReader::Flag(bool* to) {
  return [this, to](const YAML::Node& node) {
    if (!node.IsScalar() || !YAML::convert<bool>::decode(node, *to)) {
      Wrong(node, "expected yes or no");
    }
  };
}

void YamlReader::Wrong(const YAML::Node& node, std::string_view why) {
  if (!status_.ok()) return;
  status_ = absl::InvalidArgumentError(
      absl::StrCat(file_, ":", node.Mark().line + 1, ": ", std::string(why),
                   ": ", listed_in_, " lists the keys"));
}

}  // namespace schoolgate::platform
