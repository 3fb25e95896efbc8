// The dashboard's own files, read once at the start.
#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"

namespace schoolgate::collector {

struct StaticFile {
  std::string type;  // "text/css; charset=utf-8"
  std::string body;
  std::string gzip;       // the same, compressed; empty when there is none
  std::string etag;       // quoted
  bool for_ever = false;  // its name holds a hash of what is in it
};

class StaticFiles {
 public:
  // NOT_FOUND names the directory and says what to do. Only regular files of
  // known kinds in the directory itself are taken.
  static absl::StatusOr<StaticFiles> Load(const std::string& directory);

  // The page itself for every path that is a page of the dashboard; nullptr
  // when there is no such file.
  const StaticFile* Find(const std::string& path) const;

 private:
  std::map<std::string, StaticFile> files_;  // "/app.1a2b.js"
};

}  // namespace schoolgate::collector
