#include "agent/uplink/decommission.h"

#include <grpc/support/time.h>

#include <nlohmann/json.hpp>

#include "platform/whole_file.h"
#include "proto/seal/enrolment.h"
#include "proto/uplink.grpc.pb.h"

namespace schoolgate::agent {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kFileLimit = 16 * 1024;
constexpr int64_t kCallSeconds = 20;

std::string RequestOf(const std::string& state_directory) {
  return state_directory + "/decommission/request.json";
}
std::string AnswerOf(const std::string& state_directory) {
  return state_directory + "/decommission/answer.json";
}

Json ReadJson(const std::string& path) {
  const auto text = platform::ReadWholeFile(path, kFileLimit);
  return text.ok() ? Json::parse(*text, nullptr, false) : Json();
}

std::string Text(const Json& json, const char* key) {
  if (!json.is_object()) return "";
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>()
                                                   : "";
}

}  // namespace

std::optional<RemovalWish> ReadRemovalWish(const std::string& state_directory) {
  const Json request = ReadJson(RequestOf(state_directory));
  RemovalWish wish{Text(request, "stage"), Text(request, "token")};
  if (wish.stage.empty()) return std::nullopt;
  if (Text(ReadJson(AnswerOf(state_directory)), "stage") == wish.stage) {
    return std::nullopt;
  }
  return wish;
}

absl::Status AnswerRemovalWish(const std::string& state_directory,
                               const RemovalWish& wish,
                               const absl::Status& outcome,
                               const std::string& receipt) {
  const Json answer = {{"stage", wish.stage},
                       {"ok", outcome.ok()},
                       {"why", std::string(outcome.message())},
                       {"receipt", receipt}};
  return platform::ReplaceFile(
      AnswerOf(state_directory),
      answer.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n", 0640);
}

absl::Status AskToDecommission(const IdentityFolder& identity,
                               const std::string& device,
                               const RemovalWish& wish, absl::Time now,
                               grpc::Channel& channel,
                               grpc::ClientContext& context,
                               std::string* receipt) {
  auto key = identity.SigningKey();
  if (!key.ok()) return key.status();
  v1::DecommissionRequest request;
  request.set_device(device);
  request.set_token(wish.token);
  request.set_final(wish.stage == "final");
  request.set_time_unix_us(absl::ToUnixMicros(now));
  request.set_nonce(seal::RandomBytes(16));
  seal::SignDecommission(*key, &request);
  const auto stub = v1::Uplink::NewStub(
      std::shared_ptr<grpc::Channel>(&channel, [](grpc::Channel*) {}));
  context.set_deadline(gpr_time_from_seconds(kCallSeconds, GPR_TIMESPAN));
  v1::DecommissionReceipt answer;
  const grpc::Status status = stub->Decommission(&context, request, &answer);
  if (!status.ok()) return absl::UnavailableError(status.error_message());
  *receipt =
      Json({{"device", answer.device()},
            {"school", answer.school()},
            {"final", answer.final()},
            {"time", absl::FormatTime(
                         absl::RFC3339_sec,
                         absl::FromUnixMicros(answer.server_time_unix_us()),
                         absl::UTCTimeZone())},
            {"time_unix_us", answer.server_time_unix_us()},
            {"signature", seal::ToHex(answer.signature())}})
          .dump();
  return absl::OkStatus();
}

}  // namespace schoolgate::agent
