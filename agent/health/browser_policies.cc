#include "agent/health/browser_policies.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "platform/whole_file.h"

namespace schoolgate::agent {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr size_t kFileLimit = 1 << 20;
constexpr mode_t kMode = 0644;
constexpr char kTop[] = "policies";
constexpr char kWas[] = "was";          // BeforeFile: our keys, null: not there
constexpr char kText[] = "text";        // the whole file, null: none
constexpr char kFolders[] = "folders";  // that we made

// Chromium and what is made of it.
const Json& ChromiumPolicies() {
  static const Json policies = {{"DnsOverHttpsMode", "off"},
                                {"EncryptedClientHelloEnabled", false},
                                {"NetworkPredictionOptions", 2}};
  return policies;
}

const Json& FirefoxPolicies() {
  static const Json policies = {
      {"DNSOverHTTPS", {{"Enabled", false}, {"Locked", true}}},
      {"DisableEncryptedClientHello", true},
      {"NetworkPrediction", false}};
  return policies;
}

std::string TextOf(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

// Whatever the order of keys.
bool Same(const Json& a, const Json& b) {
  return nlohmann::json(a) == nlohmann::json(b);
}

// Not an object: missing, damaged, or something else.
Json ReadJson(const std::string& path) {
  const auto text = platform::ReadWholeFile(path, kFileLimit);
  return text.ok() ? Json::parse(*text, nullptr, false) : Json();
}

// Our keys as they stand in a file for Firefox; null: not there.
Json OwnKeysIn(const Json& file) {
  Json own = Json::object();
  const Json policies =
      file.is_object() && file.contains(kTop) ? file[kTop] : Json();
  for (const auto& [key, value] : FirefoxPolicies().items()) {
    own[key] =
        policies.is_object() && policies.contains(key) ? policies[key] : Json();
  }
  return own;
}

void SetKeys(const Json& keys, Json* policies) {
  for (const auto& [key, value] : keys.items()) {
    if (value.is_null()) {
      policies->erase(key);
    } else {
      (*policies)[key] = value;
    }
  }
}

// Makes what is missing of the way to `path`; appends what it made, the outer
// ones first.
absl::Status MakeFolders(const fs::path& path, Json* made) {
  std::vector<fs::path> missing;
  std::error_code error;
  for (fs::path part = path; !fs::exists(part, error);
       part = part.parent_path()) {
    missing.push_back(part);
  }
  for (auto part = missing.rbegin(); part != missing.rend(); ++part) {
    if (!fs::create_directory(*part, error)) {
      return absl::UnavailableError(
          absl::StrCat(part->string(), ": cannot be made: ", error.message()));
    }
    // Whatever the umask: browsers run as other people.
    fs::permissions(*part, fs::perms(0755), error);
    made->push_back(part->string());
  }
  return absl::OkStatus();
}

// Only while they are empty: others may have come to use them.
void RemoveFolders(const Json& made) {
  if (!made.is_array()) return;
  for (auto folder = made.rbegin(); folder != made.rend(); ++folder) {
    if (folder->is_string()) rmdir(folder->get<std::string>().c_str());
  }
}

// With the mode that it has. A link is somebody's arrangement that we do not
// know: it is left alone.
absl::Status Write(const std::string& path, const std::string& text) {
  struct stat about {};
  mode_t mode = kMode;
  if (lstat(path.c_str(), &about) == 0) {
    if (!S_ISREG(about.st_mode)) {
      return absl::FailedPreconditionError(absl::StrCat(
          path,
          ": is no plain file: left as it is: put our policies into it "
          "by hand"));
    }
    mode = about.st_mode & 07777;
  }
  return platform::ReplaceFile(path, text, mode);
}

absl::Status HardenManaged(const std::string& folder, Json* made) {
  const std::string path = BrowserPlaces::OwnFile(folder);
  if (OwnPartOf(path, false) == RightfulPart(false)) return absl::OkStatus();
  if (absl::Status status = MakeFolders(folder, made); !status.ok()) {
    return status;
  }
  return Write(path, TextOf(ChromiumPolicies()));
}

absl::Status HardenFirefox(const BrowserPlaces& places, Json* before) {
  const std::string path = places.FirefoxFile();
  const auto text = platform::ReadWholeFile(path, kFileLimit);
  Json file = text.ok() ? Json::parse(*text, nullptr, false) : Json::object();
  const bool known =
      file.is_object() && (!file.contains(kTop) || file[kTop].is_object());
  if ((!text.ok() && !absl::IsNotFound(text.status())) || !known) {
    return absl::FailedPreconditionError(
        absl::StrCat(path,
                     ": cannot be read as policies: left as it is: mend "
                     "or remove it"));
  }
  if (Same(OwnKeysIn(file), FirefoxPolicies())) return absl::OkStatus();
  // What somebody changed of ours later is not what stood there before.
  if (!before->contains(kWas)) {
    (*before)[kWas] = OwnKeysIn(file);
    (*before)[kText] = text.ok() ? Json(*text) : Json();
  }
  if (absl::Status status =
          MakeFolders(fs::path(path).parent_path(), &(*before)[kFolders]);
      !status.ok()) {
    return status;
  }
  // Before the change: a power cut in between must not lose what was there.
  if (absl::Status status =
          platform::ReplaceFile(places.BeforeFile(), TextOf(*before), 0600);
      !status.ok()) {
    return status;
  }
  SetKeys(FirefoxPolicies(), &file[kTop]);
  return Write(path, TextOf(file));
}

absl::Status ReleaseFirefox(const std::string& path, const Json& before) {
  Json file = ReadJson(path);
  if (!before.contains(kWas) || !file.is_object() || !file.contains(kTop) ||
      !file[kTop].is_object()) {
    return absl::OkStatus();
  }
  Json back = Json::object();
  for (const auto& [key, value] : FirefoxPolicies().items()) {
    const auto now = file[kTop].find(key);
    if (now == file[kTop].end() || !Same(*now, value))
      continue;  // changed since
    back[key] = before[kWas].contains(key) ? before[kWas][key] : Json();
  }
  SetKeys(back, &file[kTop]);
  const bool had_file = before.contains(kText) && before[kText].is_string();
  if (!had_file && file.size() == 1 && file[kTop].empty()) {
    return unlink(path.c_str()) == 0
               ? absl::OkStatus()
               : absl::ErrnoToStatus(errno, path + ": cannot be removed");
  }
  if (had_file) {
    const std::string text = before[kText].get<std::string>();
    // To the letter, where nobody changed anything else.
    if (Same(Json::parse(text, nullptr, false), file)) return Write(path, text);
  }
  return Write(path, TextOf(file));
}

v1::BrowserState State(const std::string& browser, std::string state) {
  v1::BrowserState result;
  result.set_browser(browser);
  result.set_state(std::move(state));
  return result;
}

// Whether a file that counts more than ours says otherwise.
bool IsOverruled(const std::string& folder) {
  const std::string own = BrowserPlaces::OwnFile(folder);
  const Json& wanted = ChromiumPolicies();
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().string() <= own) continue;
    const Json other = ReadJson(entry.path().string());
    if (!other.is_object()) continue;
    for (const auto& [key, value] : wanted.items()) {
      if (other.contains(key) && !Same(other[key], value)) return true;
    }
  }
  return false;
}

const char* WordFor(bool asked, const std::string& part, bool is_firefox) {
  if (!asked) return "off";
  if (part.empty()) return "missing";
  return part == RightfulPart(is_firefox) ? "in_force" : "changed";
}

}  // namespace

std::vector<std::pair<std::string, std::string>> BrowserPlaces::ManagedFolders()
    const {
  return {{"chromium", root + "/etc/chromium/policies/managed"},
          {"chrome", root + "/etc/opt/chrome/policies/managed"},
          {"edge", root + "/etc/opt/edge/policies/managed"}};
}

std::string BrowserPlaces::OwnFile(const std::string& folder) {
  return folder + "/zz-schoolgate.json";
}

std::string BrowserPlaces::FirefoxFile() const {
  return root + "/etc/firefox/policies/policies.json";
}

std::string BrowserPlaces::BeforeFile() const {
  return root + "/etc/schoolgate/browsers-before.json";
}

absl::Status HardenBrowsers(const BrowserPlaces& places) {
  Json before = ReadJson(places.BeforeFile());
  if (!before.is_object()) before = Json::object();
  if (!before.contains(kFolders)) before[kFolders] = Json::array();
  const size_t made = before[kFolders].size();
  absl::Status first;
  for (const auto& [browser, folder] : places.ManagedFolders()) {
    first.Update(HardenManaged(folder, &before[kFolders]));
  }
  if (before[kFolders].size() != made) {
    first.Update(
        platform::ReplaceFile(places.BeforeFile(), TextOf(before), 0600));
  }
  first.Update(HardenFirefox(places, &before));
  return first;
}

absl::Status ReleaseBrowsers(const BrowserPlaces& places) {
  const Json before = ReadJson(places.BeforeFile());
  absl::Status first;
  for (const auto& [browser, folder] : places.ManagedFolders()) {
    const std::string path = BrowserPlaces::OwnFile(folder);
    if (unlink(path.c_str()) != 0 && errno != ENOENT) {
      first.Update(absl::ErrnoToStatus(errno, path + ": cannot be removed"));
    }
  }
  if (!before.is_object()) return first;
  first.Update(ReleaseFirefox(places.FirefoxFile(), before));
  // Kept for another try where something failed.
  if (!first.ok()) return first;
  if (before.contains(kFolders)) RemoveFolders(before[kFolders]);
  unlink(places.BeforeFile().c_str());
  return first;
}

std::vector<v1::BrowserState> LookAtBrowsers(const BrowserPlaces& places,
                                             bool asked) {
  std::vector<v1::BrowserState> states;
  for (const auto& [browser, folder] : places.ManagedFolders()) {
    const std::string part = OwnPartOf(BrowserPlaces::OwnFile(folder), false);
    std::string word = WordFor(asked, part, false);
    if (word == "in_force" && IsOverruled(folder)) word = "overruled";
    states.push_back(State(browser, std::move(word)));
  }
  states.push_back(State(
      "firefox", WordFor(asked, OwnPartOf(places.FirefoxFile(), true), true)));
  return states;
}

std::string OwnPartOf(const std::string& path, bool is_firefox) {
  if (!is_firefox) {
    const auto text = platform::ReadWholeFile(path, kFileLimit);
    if (absl::IsNotFound(text.status())) return "";
    return text.ok() ? *text : "unreadable";
  }
  const Json own = OwnKeysIn(ReadJson(path));
  // Sorted: the same however somebody has written it.
  for (const auto& [key, value] : own.items()) {
    if (!value.is_null()) return nlohmann::json(own).dump();
  }
  return "";
}

std::string OthersPartOfFirefox(const std::string& path) {
  const auto text = platform::ReadWholeFile(path, kFileLimit);
  if (!text.ok()) return "";
  Json file = Json::parse(*text, nullptr, false);
  if (!file.is_object() || !file.contains(kTop) || !file[kTop].is_object()) {
    return *text;
  }
  for (const auto& [key, value] : FirefoxPolicies().items()) {
    file[kTop].erase(key);
  }
  // Nothing but ours is as good as no file.
  if (file.size() == 1 && file[kTop].empty()) return "";
  return TextOf(file);
}

std::string RightfulPart(bool is_firefox) {
  return is_firefox ? nlohmann::json(FirefoxPolicies()).dump()
                    : TextOf(ChromiumPolicies());
}

}  // namespace schoolgate::agent
