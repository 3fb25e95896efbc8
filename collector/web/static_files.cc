#include "collector/web/static_files.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "platform/whole_file.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kFileLimit = 4 << 20;
constexpr size_t kFilesLimit = 100;
constexpr char kStart[] = "/index.html";

constexpr std::array<std::pair<std::string_view, const char*>, 6> kTypes = {{
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".txt", "text/plain; charset=utf-8"},
}};

std::string EtagOf(const std::string& body) {
  std::array<unsigned char, 16> hash;
  crypto_generichash(hash.data(), hash.size(),
                     reinterpret_cast<const unsigned char*>(body.data()),
                     body.size(), nullptr, 0);
  std::array<char, 33> hex;
  sodium_bin2hex(hex.data(), hex.size(), hash.data(), hash.size());
  return absl::StrCat("\"", hex.data(), "\"");
}

}  // namespace

absl::StatusOr<StaticFiles> StaticFiles::Load(const std::string& directory) {
  StaticFiles files;
  std::error_code error;
  std::map<std::string, std::string> compressed;
  for (const auto& entry :
       std::filesystem::directory_iterator(directory, error)) {
    if (!entry.is_regular_file() || files.files_.size() >= kFilesLimit) {
      continue;
    }
    const std::string name = "/" + entry.path().filename().string();
    const bool gzip = name.ends_with(".gz");
    const std::string bare = gzip ? name.substr(0, name.size() - 3) : name;
    for (const auto& [ending, type] : kTypes) {
      if (!bare.ends_with(ending)) continue;
      auto body = platform::ReadWholeFile(entry.path().string(), kFileLimit);
      if (!body.ok()) return body.status();
      if (gzip) {
        compressed[bare] = *std::move(body);
        continue;
      }
      StaticFile& file = files.files_[name];
      file.type = type;
      file.body = *std::move(body);
      file.etag = EtagOf(file.body);
      // "app.4F2A1C9B.js": esbuild puts eight characters of a hash there.
      file.for_ever = std::count(name.begin(), name.end(), '.') == 2;
    }
  }
  for (auto& [name, body] : compressed) {
    auto found = files.files_.find(name);
    if (found != files.files_.end()) found->second.gzip = std::move(body);
  }
  if (error || !files.files_.contains(kStart)) {
    return absl::NotFoundError(
        absl::StrCat(directory,
                     ": the dashboard's files are not there: build the target "
                     "'dashboard', or name their directory"));
  }
  return files;
}

const StaticFile* StaticFiles::Find(const std::string& path) const {
  // Pages have no dot in their path, files have one.
  auto found = files_.find(
      path.find('.') == std::string::npos ? std::string(kStart) : path);
  return found == files_.end() ? nullptr : &found->second;
}

}  // namespace schoolgate::collector
