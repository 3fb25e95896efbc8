// The one file that knows yaml-cpp, whose exceptions end here.
#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <fstream>
#include <sstream>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "rules/bundle/utf8.h"
#include "rules/policy/document.h"

namespace schoolgate::rules {
namespace {

constexpr size_t kMostBytes = 1 << 20;
constexpr int kMostNodes = 100'000;
constexpr int kMostDepth = 32;

class Copier {
 public:
  explicit Copier(Mistakes* mistakes) : mistakes_(mistakes) {}

  bool Copy(const YAML::Node& from, int depth, Node* to) {
    to->line = from.Mark().line + 1;
    if (++nodes_ > kMostNodes || depth > kMostDepth) {
      mistakes_->Add(to->line,
                     "the file unfolds to too much: use fewer aliases (*) and "
                     "less nesting");
      return false;
    }
    if (from.IsMap()) return CopyMap(from, depth, to);
    if (from.IsSequence()) {
      to->kind = Node::Kind::kList;
      for (const YAML::Node& item : from) {
        to->items.emplace_back();
        if (!Copy(item, depth + 1, &to->items.back())) return false;
      }
      return true;
    }
    if (from.IsScalar()) {
      to->kind = Node::Kind::kScalar;
      to->text = from.Scalar();
    }
    return true;
  }

 private:
  bool CopyMap(const YAML::Node& from, int depth, Node* to) {
    to->kind = Node::Kind::kMap;
    for (const auto& pair : from) {
      const int line = pair.first.Mark().line + 1;
      if (!pair.first.IsScalar()) {
        mistakes_->Add(line, "a key must be a plain word");
        return false;
      }
      const std::string key = pair.first.Scalar();
      if (to->Find(key) != nullptr) {
        mistakes_->Add(line,
                       absl::StrCat("\"", key,
                                    "\" is said twice (first "
                                    "on line ",
                                    to->LineOf(key), "): remove one of them"));
        return false;
      }
      to->entries.push_back({key, line, Node{}});
      if (!Copy(pair.second, depth + 1, &to->entries.back().value)) {
        return false;
      }
    }
    return true;
  }

  Mistakes* mistakes_;
  int nodes_ = 0;
};

bool MayStandInText(char c) {
  const auto byte = static_cast<uint8_t>(c);
  return c == '\t' || c == '\r' || c == '\n' || (byte >= 0x20 && byte != 0x7f);
}

// The line with the first byte that is no text, 0 when all is.
int LineWithoutText(std::string_view text) {
  int line = 1;
  while (!text.empty()) {
    const size_t bytes = Utf8CharacterBytes(text);
    if (bytes == 0 || !MayStandInText(text[0])) return line;
    line += text[0] == '\n' ? 1 : 0;
    text.remove_prefix(bytes);
  }
  return 0;
}

}  // namespace

bool ParseDocument(const std::string& text, Mistakes* mistakes, Node* root) {
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(text);
    if (documents.empty() || documents[0].IsNull()) {
      mistakes->Add(1,
                    "the file is empty: write a policy, see "
                    "docs/policy-language.md");
      return false;
    }
    if (documents.size() > 1) {
      mistakes->Add(documents[1].Mark().line + 1,
                    "a second document begins (---): one policy a file");
      return false;
    }
    return Copier(mistakes).Copy(documents[0], 0, root);
  } catch (const YAML::Exception& error) {
    mistakes->Add(error.mark.is_null() ? 1 : error.mark.line + 1,
                  absl::StrCat("not YAML: ", error.msg));
    return false;
  }
}

bool LoadDocument(const std::string& path, Mistakes* mistakes, Node* root) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    mistakes->Add(0, "cannot be read: check the name and its permissions");
    return false;
  }
  std::string text(kMostBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || (file.fail() && !file.eof())) {
    mistakes->Add(0, "cannot be read: is it a file?");
    return false;
  }
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kMostBytes) {
    mistakes->Add(0,
                  "is larger than a megabyte: lists of hosts belong in "
                  "list files");
    return false;
  }
  if (const int line = LineWithoutText(text); line > 0) {
    mistakes->Add(line,
                  "holds bytes that are no text: save the file as UTF-8, "
                  "without control characters");
    return false;
  }
  return ParseDocument(text, mistakes, root);
}

}  // namespace schoolgate::rules
