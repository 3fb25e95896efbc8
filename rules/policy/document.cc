#include "rules/policy/document.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace schoolgate::rules {
namespace {

constexpr size_t kMostMistakes = 200;
constexpr size_t kMostListed = 4096;
constexpr size_t kLongestWord = 100;  // that may be a mistyped one

int Distance(std::string_view a, std::string_view b) {
  std::vector<int> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    int diagonal = row[0];
    row[0] = static_cast<int>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const int above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1,
                         diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

const Node* Node::Find(std::string_view key) const {
  for (const Entry& entry : entries) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

int Node::LineOf(std::string_view key) const {
  for (const Entry& entry : entries) {
    if (entry.key == key) return entry.line;
  }
  return line;
}

void Mistakes::Add(int line, std::string what) {
  AddIn(file_, line, std::move(what));
}

void Mistakes::AddIn(const std::string& file, int line, std::string what) {
  if (out_->size() < kMostMistakes) {
    out_->push_back({file, line, std::move(what)});
  }
}

std::string Mistakes::base_name() const {
  return file_.substr(file_.find_last_of('/') + 1);
}

MapReader::MapReader(const Node& map, std::string what, Mistakes* mistakes)
    : node_(map), what_(std::move(what)), mistakes_(mistakes) {
  if (map.kind != Node::Kind::kMap) {
    ok_ = false;
    mistakes_->Add(map.line, what_ + ": expected keys and values here");
  }
}

const Node* MapReader::Any(std::string_view key) {
  asked_.emplace_back(key);
  const Node* node = node_.Find(key);
  return node == nullptr || node->kind == Node::Kind::kNone ? nullptr : node;
}

const Node* MapReader::List(std::string_view key) {
  const Node* node = Any(key);
  if (node == nullptr) return nullptr;
  if (node->kind != Node::Kind::kList) {
    Fail(key, "must be a list");
    return nullptr;
  }
  if (node->items.size() > kMostListed) {
    Fail(key, absl::StrCat("has more than ", kMostListed, " entries"));
    return nullptr;
  }
  return node;
}

const Node* MapReader::Map(std::string_view key) {
  const Node* node = Any(key);
  if (node != nullptr && node->kind != Node::Kind::kMap) {
    Fail(key, "must have keys and values under it");
    return nullptr;
  }
  return node;
}

std::string MapReader::Text(std::string_view key, std::string_view otherwise) {
  const Node* node = Any(key);
  if (node == nullptr) return std::string(otherwise);
  if (node->kind != Node::Kind::kScalar) {
    Fail(key, "must be one value");
    return std::string(otherwise);
  }
  const absl::string_view text = absl::StripAsciiWhitespace(node->text);
  return std::string(text.data(), text.size());
}

std::string MapReader::Required(std::string_view key) {
  const std::string text = Text(key);
  if (text.empty()) {
    Fail(key, absl::StrCat("is missing: ", what_, " needs it"));
  }
  return text;
}

bool MapReader::Flag(std::string_view key, bool otherwise) {
  const std::string text = Text(key);
  if (text.empty()) return otherwise;
  if (text == "true" || text == "yes") return true;
  if (text == "false" || text == "no") return false;
  Fail(key, "must be yes or no");
  return otherwise;
}

int64_t MapReader::Number(std::string_view key, int64_t otherwise,
                          int64_t most) {
  const std::string text = Text(key);
  if (text.empty()) return otherwise;
  int64_t number = 0;
  if (!absl::SimpleAtoi(text, &number) || number < 0 || number > most) {
    Fail(key, absl::StrCat("must be a whole number from 0 to ", most));
    return otherwise;
  }
  return number;
}

std::vector<std::string> MapReader::Words(std::string_view key) {
  std::vector<std::string> words;
  const Node* node = Any(key);
  if (node == nullptr) return words;
  if (node->kind == Node::Kind::kScalar) return {node->text};
  if (List(key) == nullptr) return words;
  for (const Node& item : node->items) {
    if (item.kind != Node::Kind::kScalar || item.text.empty()) {
      mistakes_->Add(item.line, absl::StrCat(what_, ": ", std::string(key),
                                             ": each entry must be one word"));
      ok_ = false;
      continue;
    }
    words.push_back(item.text);
  }
  return words;
}

int MapReader::Choice(std::string_view key,
                      const std::vector<std::string>& choices, int otherwise) {
  const std::string text = Text(key);
  if (text.empty()) return otherwise;
  const auto found = std::find(choices.begin(), choices.end(), text);
  if (found == choices.end()) {
    std::vector<std::string> named = choices;
    std::erase(named, "");  // stands for "not said"
    Fail(key,
         absl::StrCat("\"", text, "\" is none of ", absl::StrJoin(named, ", "),
                      DidYouMean(text, named)));
    return otherwise;
  }
  return static_cast<int>(found - choices.begin());
}

void MapReader::Fail(std::string_view key, const std::string& why) {
  ok_ = false;
  mistakes_->Add(node_.LineOf(key),
                 absl::StrCat(what_, ": ", std::string(key), ": ", why));
}

void MapReader::Done() {
  for (const Node::Entry& entry : node_.entries) {
    if (std::find(asked_.begin(), asked_.end(), entry.key) == asked_.end()) {
      mistakes_->Add(entry.line, absl::StrCat(what_, ": \"", entry.key,
                                              "\" means nothing here",
                                              DidYouMean(entry.key, asked_)));
      ok_ = false;
    }
  }
}

std::string Nearest(std::string_view word,
                    const std::vector<std::string>& candidates) {
  std::string best;
  if (word.size() > kLongestWord) return best;
  int best_distance = static_cast<int>(word.size()) / 3 + 2;
  for (const std::string& candidate : candidates) {
    const int distance = Distance(word, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string DidYouMean(std::string_view word,
                       const std::vector<std::string>& candidates) {
  const std::string nearest = Nearest(word, candidates);
  return nearest.empty() ? "" : " (did you mean " + nearest + "?)";
}

}  // namespace schoolgate::rules
