#include "agent/uplink/calls.h"

#include <grpc/support/time.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

#include "agent/uplink/certificate.h"
#include "platform/directory.h"
#include "platform/machine.h"
#include "platform/whole_file.h"
#include "platform/written_time.h"
#include "proto/seal/enrolment.h"
#include "proto/seal/hash.h"
#include "proto/uplink.grpc.pb.h"

namespace schoolgate::agent {
namespace {

constexpr int64_t kCallSeconds = 20;
constexpr int64_t kFetchSeconds = 3600;
constexpr uint64_t kMostBundleBytes = 1ull << 30;
constexpr uint64_t kSyncEveryBytes = 4 << 20;

absl::Status Failed(const grpc::Status& status, const Channel& channel,
                    const std::string& collector, Failure* failure) {
  *failure = Explain(status, *channel.handshake, collector);
  return absl::UnavailableError(failure->sentence);
}

// The first RFC 3339 time among the words of a sentence.
absl::Time TimeIn(const std::string& sentence) {
  std::istringstream words(sentence);
  std::string word;
  while (words >> word) {
    if (const auto time = platform::ReadInstant(word)) return *time;
  }
  return absl::InfinitePast();
}

v1::EnrolRequest MakeEnrolRequest(const EnrolmentFile& file,
                                  const TlsRequest& tls,
                                  const seal::SigningKey& key) {
  v1::EnrolRequest request;
  request.set_token(file.token);
  request.set_csr_pem(tls.csr_pem);
  request.set_hostname(platform::HostName());
  request.set_inventory_number(file.inventory_number);
  request.set_agent_version(SCHOOLGATE_VERSION);
  // Hashed with a word of ours, so that the number cannot be matched with
  // other programs' use of it.
  seal::Hasher hasher;
  hasher.Add("schoolgate hardware 1");
  hasher.Add(platform::HardwareNumber());
  request.set_hardware_id(seal::ToHex(hasher.Finish()));
  seal::SignEnrol(key, &request);
  return request;
}

}  // namespace

absl::Status EnrolDevice(const EnrolmentFile& file,
                         const IdentityFolder& identity,
                         const platform::Clock& clock, Failure* failure) {
  failure->ending = Ending::kRefused;  // until the network is to blame
  auto key = identity.SigningKey();
  if (!key.ok()) return key.status();
  auto tls = MakeTlsRequest();
  if (!tls.ok()) return tls.status();
  if (file.token.empty()) {
    return absl::InvalidArgumentError(
        "enrolment file: no token: ask for one with "
        "`schoolgate-collector enrol-token`");
  }
  const absl::Time floor = identity.time_floor();
  const Channel channel = OpenChannel(
      file.collector, {file.authority_pem, file.authority_fingerprint},
      [&clock, floor] {
        return TimeBelief{clock.Now(), floor};
      },
      std::nullopt);
  const auto stub = v1::Uplink::NewStub(channel.grpc);
  grpc::ClientContext context;
  context.set_deadline(gpr_time_from_seconds(kCallSeconds, GPR_TIMESPAN));
  v1::EnrolResponse response;
  const grpc::Status status =
      stub->Enrol(&context, MakeEnrolRequest(file, *tls, *key), &response);
  if (!status.ok()) return Failed(status, channel, file.collector, failure);
  absl::Status checked = CheckEnrolment(response, tls->key_pem);
  if (!checked.ok()) return checked;
  absl::Status saved =
      identity.SaveEnrolment(response, tls->key_pem, file.collector);
  if (!saved.ok()) return saved;
  return identity.SaveTimeFloor(
      absl::FromUnixMicros(response.server_time_unix_us()));
}

absl::Status RenewCertificate(const IdentityFolder& identity,
                              const platform::Clock& clock, absl::Time now,
                              grpc::ClientContext& context, Failure* failure,
                              absl::Time* server_time) {
  auto enrolled = identity.LoadEnrolled();
  if (!enrolled.ok()) return enrolled.status();
  auto key = identity.SigningKey();
  if (!key.ok()) return key.status();
  auto tls = MakeTlsRequest();
  if (!tls.ok()) return tls.status();
  v1::RenewRequest request;
  request.set_device(enrolled->device);
  request.set_csr_pem(tls->csr_pem);
  request.set_time_unix_us(absl::ToUnixMicros(now));
  request.set_nonce(seal::RandomBytes(16));
  seal::SignRenew(*key, &request);
  const absl::Time floor = identity.time_floor();
  const Channel channel = OpenChannel(
      enrolled->collector, {enrolled->authority_pem, ""},
      [&clock, floor] {
        return TimeBelief{clock.Now(), floor};
      },
      std::nullopt);
  const auto stub = v1::Uplink::NewStub(channel.grpc);
  context.set_deadline(gpr_time_from_seconds(kCallSeconds, GPR_TIMESPAN));
  v1::EnrolResponse response;
  const grpc::Status status = stub->Renew(&context, request, &response);
  *server_time = absl::InfinitePast();
  if (!status.ok()) {
    *server_time = TimeIn(status.error_message());
    return Failed(status, channel, enrolled->collector, failure);
  }
  *server_time = absl::FromUnixMicros(response.server_time_unix_us());
  absl::Status checked = CheckEnrolment(response, tls->key_pem);
  if (!checked.ok()) return checked;
  return identity.SaveCandidate(response, tls->key_pem);
}

std::string HashOfFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return "";
  seal::Hasher hasher;
  std::array<char, 65536> chunk;
  while (in.read(chunk.data(), chunk.size()) || in.gcount() > 0) {
    hasher.Add({chunk.data(), static_cast<size_t>(in.gcount())});
  }
  return hasher.Finish();
}

namespace {

// Parts of other bundles will not be asked for again.
void RemoveOtherParts(const std::string& folder, const std::string& part) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string path = entry.path().string();
    // Of an earlier try that ended in the middle.
    const bool left = path.ends_with(".made") || path.ends_with(".delta") ||
                      path.ends_with(".part");
    if (left && path != part) {
      std::filesystem::remove(path, error);
    }
  }
}

absl::Status Download(grpc::ClientReader<v1::BundleChunk>& stream,
                      platform::File& file, uint64_t offset, uint64_t size) {
  v1::BundleChunk chunk;
  uint64_t synced = offset;
  while (stream.Read(&chunk)) {
    if (chunk.data().size() > size - offset) {
      return absl::DataLossError("bundle: more bytes than were offered");
    }
    absl::Status written = file.WriteAt(offset, chunk.data());
    if (!written.ok()) return written;
    offset += chunk.data().size();
    if (offset - synced < kSyncEveryBytes) continue;
    (void)file.Sync();
    synced = offset;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status FetchFile(grpc::Channel& channel, const std::string& hash,
                       uint64_t size_bytes, const std::string& folder,
                       const std::string& name, grpc::ClientContext& context) {
  if (hash.size() != seal::kHashBytes || size_bytes > kMostBundleBytes) {
    return absl::InvalidArgumentError("bundle offer: bad hash or size");
  }
  auto directory = platform::OpenDirectory(folder);
  if (!directory.ok()) return directory.status();
  const std::string part = seal::ToHex(hash) + ".part";
  RemoveOtherParts(folder, folder + "/" + part);
  auto file = (*directory)->Open(part, platform::OpenMode::kReadWrite);
  if (absl::IsNotFound(file.status())) {
    file = (*directory)->Open(part, platform::OpenMode::kCreate);
  }
  if (!file.ok()) return file.status();
  auto have = (*file)->Size();
  if (!have.ok()) return have.status();
  if (*have < size_bytes) {
    const auto stub = v1::Uplink::NewStub(
        std::shared_ptr<grpc::Channel>(&channel, [](grpc::Channel*) {}));
    context.set_deadline(gpr_time_from_seconds(kFetchSeconds, GPR_TIMESPAN));
    v1::FetchBundleRequest request;
    request.set_hash(hash);
    request.set_offset(*have);
    const auto stream = stub->FetchBundle(&context, request);
    absl::Status got = Download(*stream, **file, *have, size_bytes);
    if (!got.ok()) context.TryCancel();
    const grpc::Status ended = stream->Finish();
    if (!got.ok()) return got;
    if (!ended.ok()) {
      return absl::UnavailableError("bundle: " + ended.error_message() +
                                    ": goes on at the next contact");
    }
  }
  absl::Status synced = (*file)->Sync();
  if (!synced.ok()) return synced;
  if (HashOfFile(folder + "/" + part) != hash) {
    (void)(*directory)->Remove(part);
    return absl::DataLossError("bundle: not what was offered: thrown away");
  }
  absl::Status renamed = (*directory)->Rename(part, name);
  if (!renamed.ok()) return renamed;
  return (*directory)->Sync();
}

}  // namespace schoolgate::agent
