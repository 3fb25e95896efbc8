// A YAML file as a tree that remembers its lines, and the reading of it that
// turns every mistake into one line for the author.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/policy/compile.h"

namespace schoolgate::rules {

struct Node {
  enum class Kind { kNone, kScalar, kList, kMap };
  struct Entry;

  Kind kind = Kind::kNone;
  int line = 0;
  std::string text;            // of a scalar
  std::vector<Node> items;     // of a list
  std::vector<Entry> entries;  // of a map, in the order of the file

  const Node* Find(std::string_view key) const;
  int LineOf(std::string_view key) const;  // of the key; else of the map
};

struct Node::Entry {
  std::string key;
  int line = 0;
  Node value;
};

// Collects what is wrong with one file. Not thread-safe.
class Mistakes {
 public:
  Mistakes(std::string file, std::vector<PolicyMistake>* out)
      : file_(std::move(file)), out_(out) {}

  void Add(int line, std::string what);
  void AddIn(const std::string& file, int line, std::string what);
  const std::string& file() const { return file_; }
  // The file without its folders: what goes into a bundle.
  std::string base_name() const;

 private:
  std::string file_;
  std::vector<PolicyMistake>* out_;
};

// Parses the file. False, with mistakes, when it is not readable, not YAML,
// larger than a megabyte, says a key twice, or unfolds to more than 100,000
// nodes.
bool LoadDocument(const std::string& path, Mistakes* mistakes, Node* root);

// The same for text, for tests and fuzzing.
bool ParseDocument(const std::string& text, Mistakes* mistakes, Node* root);

// Reads one map. Each call names a key; Done() complains about the keys that
// nobody asked for.
class MapReader {
 public:
  // `what` names the thing in messages: "schedule lessons".
  MapReader(const Node& map, std::string what, Mistakes* mistakes);

  bool ok() const { return ok_; }
  int line() const { return node_.line; }
  int LineOf(std::string_view key) const { return node_.LineOf(key); }

  const Node* Any(std::string_view key);
  const Node* List(std::string_view key);
  const Node* Map(std::string_view key);
  std::string Text(std::string_view key, std::string_view otherwise = "");
  std::string Required(std::string_view key);
  bool Flag(std::string_view key, bool otherwise);
  int64_t Number(std::string_view key, int64_t otherwise, int64_t most);
  // A list of words, or one word.
  std::vector<std::string> Words(std::string_view key);
  // Index of the text among `choices`; complains and gives `otherwise` when it
  // is none of them.
  int Choice(std::string_view key, const std::vector<std::string>& choices,
             int otherwise);
  void Fail(std::string_view key, const std::string& why);
  void Done();

 private:
  const Node& node_;
  std::string what_;
  Mistakes* mistakes_;
  std::vector<std::string> asked_;
  bool ok_ = true;
};

// The candidate nearest to a mistyped word, empty when none is near.
std::string Nearest(std::string_view word,
                    const std::vector<std::string>& candidates);

// " (did you mean x?)" or "".
std::string DidYouMean(std::string_view word,
                       const std::vector<std::string>& candidates);

}  // namespace schoolgate::rules
