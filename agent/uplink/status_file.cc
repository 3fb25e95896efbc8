#include "agent/uplink/status_file.h"

#include <nlohmann/json.hpp>

#include "agent/spool/spool_reader.h"
#include "platform/directory.h"
#include "platform/whole_file.h"

namespace schoolgate::agent {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kFileLimit = 64 * 1024;

std::string FileOf(const std::string& state_directory) {
  return state_directory + "/uplink.json";
}

Json TimeOrNull(absl::Time time) {
  if (time == absl::InfinitePast()) return nullptr;
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

}  // namespace

std::string ToJson(const UplinkStatus& status) {
  const Json json = {
      {"enrolled", status.enrolled},
      {"connected", status.connected},
      {"device", status.device},
      {"school", status.school},
      {"collector", status.collector},
      {"last_contact", TimeOrNull(status.last_contact)},
      {"acknowledged", status.acknowledged},
      {"durable_epoch", status.durable_epoch},
      {"durable_sequence", status.durable_sequence},
      {"segments_waiting", status.segments_waiting},
      {"missing", status.missing},
      {"certificate_ends", TimeOrNull(status.certificate_ends)},
      {"clock_error_ms", absl::ToInt64Milliseconds(status.clock_error)},
      {"clock_wrong", status.clock_wrong},
      {"bundles_whole", status.fetched_whole},
      {"bundles_by_delta", status.fetched_by_delta},
      {"problem", status.problem}};
  return json.dump();
}

absl::Status WriteStatus(const std::string& state_directory,
                         const UplinkStatus& status) {
  return platform::ReplaceFile(FileOf(state_directory), ToJson(status) + "\n",
                               0644);
}

absl::StatusOr<std::string> ReadStatus(const std::string& state_directory,
                                       const std::string& spool_directory,
                                       bool runs) {
  const std::string path = FileOf(state_directory);
  auto text = platform::ReadWholeFile(path, kFileLimit);
  if (absl::IsNotFound(text.status())) {
    return absl::NotFoundError(
        path + ": no such file: schoolgate-uplink has not run here: start it");
  }
  if (!text.ok()) return text.status();
  Json json = Json::parse(*text, nullptr, false);
  if (!json.is_object()) {
    return absl::DataLossError(path + ": damaged: restart schoolgate-uplink");
  }
  if (!runs) {
    json["connected"] = false;
    std::string problem = "schoolgate-uplink does not run here: start it";
    const std::string last = json.value("problem", "");
    if (!last.empty()) problem += "; it said last: " + last;
    json["problem"] = problem;
  }
  json["waiting"] = nullptr;
  auto directory = platform::OpenDirectory(spool_directory);
  if (directory.ok()) json["waiting"] = CountWaiting(**directory);
  return json.dump();
}

}  // namespace schoolgate::agent
