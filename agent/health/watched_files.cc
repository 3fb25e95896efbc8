#include "agent/health/watched_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "agent/health/browser_policies.h"
#include "proto/seal/hash.h"
#include "proto/seal/keys.h"

namespace schoolgate::agent {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostFilesInFolder = 512;
constexpr char kVersionKey[] = "version";

// Hex of what counts in the file; "" when there is none.
std::string PrintOfFile(const std::string& path,
                        const std::atomic<bool>& stop) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return "";
  seal::Hasher hasher;
  std::array<char, 65536> chunk;
  while (!stop && (in.read(chunk.data(), chunk.size()) || in.gcount() > 0)) {
    hasher.Add({chunk.data(), static_cast<size_t>(in.gcount())});
  }
  return seal::ToHex(hasher.Finish());
}

bool Counts(WatchedFile::Part part, absl::string_view line) {
  line = absl::StripLeadingAsciiWhitespace(line);
  if (line.empty() || line.front() == '#') return false;
  if (part == WatchedFile::Part::kNameServers) {
    return absl::StartsWith(line, "nameserver");
  }
  return absl::StrContains(absl::AsciiStrToLower(line), "_proxy=");
}

std::string PrintOfText(const std::string& text) {
  if (text.empty()) return "";
  seal::Hasher hasher;
  hasher.Add(text);
  return seal::ToHex(hasher.Finish());
}

std::string PrintOfLines(const std::string& path, WatchedFile::Part part) {
  std::ifstream in(path);
  if (!in) return "";
  std::string counted, line;
  while (std::getline(in, line)) {
    if (Counts(part, line)) absl::StrAppend(&counted, line, "\n");
  }
  return PrintOfText(counted);
}

std::string PrintOfFolder(const std::string& path, const std::string& but,
                          const std::atomic<bool>& stop) {
  std::error_code error;
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(path, error)) {
    if (names.size() >= kMostFilesInFolder) break;
    if (entry.path().string() != but) names.push_back(entry.path().string());
  }
  if (names.empty()) return "";
  std::sort(names.begin(), names.end());
  seal::Hasher hasher;
  for (const std::string& name : names) {
    hasher.Add(absl::StrCat(name, "\n", PrintOfFile(name, stop), "\n"));
  }
  return seal::ToHex(hasher.Finish());
}

// Changes with every write, also one that sets the old times again.
std::string InodeOf(const std::string& path) {
  struct stat about {};
  if (stat(path.c_str(), &about) != 0) return "";
  return absl::StrCat(about.st_ino, " ", about.st_size, " ",
                      about.st_mtim.tv_sec, ".", about.st_mtim.tv_nsec, " ",
                      about.st_ctim.tv_sec, ".", about.st_ctim.tv_nsec, "\n");
}

std::string InodesOf(const WatchedFile& file) {
  std::string inodes = InodeOf(file.path);
  if (file.part != WatchedFile::Part::kFolder &&
      file.part != WatchedFile::Part::kOthersFolder) {
    return inodes;
  }
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(file.path, error)) {
    absl::StrAppend(&inodes, InodeOf(entry.path().string()));
  }
  return inodes;
}

std::string FreshPrintOf(const WatchedFile& file,
                         const std::atomic<bool>& stop) {
  switch (file.part) {
    case WatchedFile::Part::kWhole:
      return PrintOfFile(file.path, stop);
    case WatchedFile::Part::kFolder:
      return PrintOfFolder(file.path, "", stop);
    case WatchedFile::Part::kOthersFolder:
      return PrintOfFolder(file.path, BrowserPlaces::OwnFile(file.path), stop);
    case WatchedFile::Part::kOurs:
      return PrintOfText(OwnPartOf(file.path, false));
    case WatchedFile::Part::kOursInFirefox:
      return PrintOfText(OwnPartOf(file.path, true));
    case WatchedFile::Part::kOthersInFirefox:
      return PrintOfText(OthersPartOfFirefox(file.path));
    case WatchedFile::Part::kNameServers:
    case WatchedFile::Part::kProxies:
      break;
  }
  return PrintOfLines(file.path, file.part);
}

// One path may be watched in two parts.
std::string KeyOf(const WatchedFile& file) {
  return file.part == WatchedFile::Part::kOursInFirefox ? file.path + " (ours)"
                                                        : file.path;
}

// Our own doing, or the undoing of it.
bool IsRightful(const WatchedFile& file, const std::string& before,
                const std::string& now, bool harden_browsers) {
  const bool firefox = file.part == WatchedFile::Part::kOursInFirefox;
  if (!firefox && file.part != WatchedFile::Part::kOurs) return false;
  const std::string rightful = PrintOfText(RightfulPart(firefox));
  return harden_browsers ? now == rightful : now.empty() || before == rightful;
}

}  // namespace

std::vector<WatchedFile> FilesToWatch(const std::string& root) {
  using Part = WatchedFile::Part;
  std::vector<WatchedFile> files = {
      {"resolver_changed", "/etc/resolv.conf", Part::kNameServers},
      {"resolver_changed", "/etc/nsswitch.conf"},
      {"resolver_changed", "/etc/systemd/resolved.conf"},
      {"hosts_file", "/etc/hosts"},
      {"proxy", "/etc/environment", Part::kProxies},
      {"proxy", "/etc/profile", Part::kProxies},
      {"root_cert", "/etc/ssl/certs/ca-certificates.crt"},
      {"root_cert", "/etc/pki/tls/certs/ca-bundle.crt"},
      {"root_cert", "/usr/local/share/ca-certificates", Part::kFolder},
      {"rolled_back",
       "/etc/systemd/system/schoolgate-agent.service.d/50-previous.conf"},
      {"preload", "/etc/ld.so.preload"},
  };
  for (const char* program :
       {"/usr/sbin/schoolgate-agent", "/usr/sbin/schoolgate-uplink",
        "/usr/sbin/schoolgate-dpi", "/usr/bin/schoolgate"}) {
    files.push_back({"program_changed", program, Part::kWhole, true});
  }
  for (const char* unit :
       {"schoolgate-agent.service", "schoolgate-uplink.service",
        "schoolgate-recover.service"}) {
    files.push_back({"unit_changed", absl::StrCat("/lib/systemd/system/", unit),
                     Part::kWhole, true});
    files.push_back(
        {"unit_changed", absl::StrCat("/etc/systemd/system/", unit)});
    files.push_back({"unit_changed",
                     absl::StrCat("/etc/systemd/system/", unit, ".d"),
                     Part::kFolder});
  }
  for (WatchedFile& file : files) file.path = root + file.path;
  const BrowserPlaces browsers{root};
  for (const auto& [browser, folder] : browsers.ManagedFolders()) {
    files.push_back({"browser_policy", folder, Part::kOthersFolder});
    files.push_back(
        {"browser_policy", BrowserPlaces::OwnFile(folder), Part::kOurs});
  }
  for (const Part part : {Part::kOthersInFirefox, Part::kOursInFirefox}) {
    files.push_back({"browser_policy", browsers.FirefoxFile(), part});
  }
  return files;
}

std::string WatchedFiles::PrintOf(const WatchedFile& file) {
  std::string inodes = InodesOf(file);
  Read& read = read_[KeyOf(file)];
  if (inodes.empty() || inodes != read.inode) {
    read.print = FreshPrintOf(file, stop_);
    read.inode = std::move(inodes);
  }
  return read.print;
}

WatchedFiles::WatchedFiles(std::vector<WatchedFile> files,
                           const std::string& remembered, std::string version,
                           const std::atomic<bool>& stop)
    : files_(std::move(files)), version_(std::move(version)), stop_(stop) {
  const auto json = nlohmann::json::parse(remembered, nullptr, false);
  std::string then;
  if (json.is_object()) {
    for (const auto& [path, print] : json.items()) {
      if (print.is_string()) known_[path] = print.get<std::string>();
    }
    then = std::exchange(known_[kVersionKey], "");
    known_.erase(kVersionKey);
  }
  for (const WatchedFile& file : files_) {
    const bool anew = file.is_program && then != version_;
    const std::string key = KeyOf(file);
    if (anew || !known_.contains(key)) known_[key] = PrintOf(file);
  }
}

std::vector<Touched> WatchedFiles::Look(const std::function<bool()>& installing,
                                        bool harden_browsers) {
  std::vector<Touched> touched;
  for (const WatchedFile& file : files_) {
    std::string print = PrintOf(file);
    std::string& known = known_[KeyOf(file)];
    if (print == known || (file.is_program && installing())) continue;
    const char* how = known.empty()   ? " is new"
                      : print.empty() ? " is gone"
                                      : " was changed";
    const bool rightful = IsRightful(file, known, print, harden_browsers);
    known = std::move(print);
    if (rightful) continue;
    touched.push_back({file.kind, absl::StrCat(file.path, how)});
  }
  return touched;
}

std::string WatchedFiles::Remembered() const {
  nlohmann::json json(known_);
  json[kVersionKey] = version_;
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string WatchedFiles::HashOf(const std::string& path) const {
  const auto found = known_.find(path);
  if (found == known_.end()) return "";
  const auto raw = seal::FromHex(found->second);
  return raw.ok() ? *raw : "";
}

bool IsInstalling(const std::string& dpkg_status_file,
                  const std::string& package) {
  std::ifstream in(dpkg_status_file);
  std::string line;
  bool ours = false;
  while (std::getline(in, line)) {
    if (absl::StartsWith(line, "Package: ")) {
      if (ours) return true;  // without a status: in somebody's hands
      ours = line == absl::StrCat("Package: ", package);
    } else if (ours && absl::StartsWith(line, "Status: ")) {
      return !absl::EndsWith(line, " ok installed");
    }
  }
  return false;
}

}  // namespace schoolgate::agent
