#include "collector/cases/custody.h"

#include "absl/strings/str_cat.h"
#include "platform/whole_file.h"
#include "proto/seal/hash.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kHexHash = 2 * seal::kHashBytes;
constexpr char kPurpose[] = "schoolgate custody pack 1";

std::string Start() { return std::string(kHexHash, '0'); }

std::string HashAfter(std::string_view previous, std::string_view line) {
  seal::Hasher hasher;
  hasher.Add(previous);
  hasher.Add(line);
  return seal::ToHex(hasher.Finish());
}

absl::Status Broken(uint64_t line, const std::string& why) {
  return absl::DataLossError(absl::StrCat(
      "line ", line, ": ", why,
      ": the pack was changed after it was made: ask for a new one"));
}

// Takes the text up to the next line break, which must be there.
bool TakeLine(std::string_view* rest, std::string_view* line) {
  const size_t end = rest->find('\n');
  if (end == std::string_view::npos) return false;
  *line = rest->substr(0, end);
  rest->remove_prefix(end + 1);
  return true;
}

}  // namespace

CustodyPack MakeCustodyPack(const std::vector<nlohmann::json>& records,
                            const seal::SigningKey& key) {
  CustodyPack pack;
  pack.hash = Start();
  const auto add = [&pack](const nlohmann::json& record) {
    const std::string line =
        record.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    pack.hash = HashAfter(pack.hash, line);
    absl::StrAppend(&pack.text, pack.hash, " ", line, "\n");
  };
  for (const nlohmann::json& record : records) add(record);
  add({{"kind", "end"},
       {"records", records.size()},
       {"key", seal::ToHex(key.public_key())}});
  absl::StrAppend(&pack.text, seal::ToHex(key.Sign(kPurpose, pack.hash)), "\n");
  return pack;
}

absl::StatusOr<CustodyFacts> VerifyCustodyPack(std::string_view pack,
                                               std::string_view expected_key) {
  CustodyFacts facts;
  facts.hash = Start();
  nlohmann::json record;
  std::string_view line;
  for (uint64_t number = 1;; ++number) {
    if (!TakeLine(&pack, &line) || line.size() < kHexHash + 2 ||
        line[kHexHash] != ' ') {
      return Broken(number, "cut off or not a record");
    }
    const std::string_view body = line.substr(kHexHash + 1);
    facts.hash = HashAfter(facts.hash, body);
    if (line.substr(0, kHexHash) != facts.hash) {
      return Broken(number, "does not follow from the lines before");
    }
    record = nlohmann::json::parse(body, nullptr, false);
    if (!record.is_object()) return Broken(number, "not a record");
    if (record.value("kind", nlohmann::json()) == "end") break;
    if (number == 1) facts.first = record;
    facts.records = number;
  }
  if (record.value("records", nlohmann::json()) != facts.records) {
    return Broken(facts.records + 1, "says another number of lines");
  }
  const nlohmann::json key = record.value("key", nlohmann::json());
  facts.key = key.is_string() ? key.get<std::string>() : "";
  const uint64_t last = facts.records + 2;
  if (!TakeLine(&pack, &line) || !pack.empty()) {
    return Broken(last, "no signature, or something after it");
  }
  const absl::StatusOr<std::string> public_key = seal::FromHex(facts.key);
  const absl::StatusOr<std::string> signature = seal::FromHex(line);
  // The same signature written otherwise is an edit, too.
  if (!public_key.ok() || !signature.ok() || seal::ToHex(*signature) != line ||
      !seal::VerifySignature(*public_key, kPurpose, facts.hash, *signature)) {
    return Broken(last, "the signature does not fit");
  }
  if (!expected_key.empty() && expected_key != facts.key) {
    return absl::PermissionDeniedError(
        absl::StrCat("signed with key ", facts.key,
                     ", not with the one you gave: it does "
                     "not come from this collector"));
  }
  return facts;
}

absl::StatusOr<CustodyFacts> VerifyCustodyFile(const std::string& path,
                                               size_t limit_bytes,
                                               std::string_view expected_key) {
  const absl::StatusOr<std::string> text =
      platform::ReadWholeFile(path, limit_bytes);
  if (!text.ok()) return text.status();
  absl::StatusOr<CustodyFacts> facts = VerifyCustodyPack(*text, expected_key);
  if (facts.ok()) return facts;
  return absl::Status(facts.status().code(),
                      absl::StrCat(path, ": ", facts.status().message()));
}

}  // namespace schoolgate::collector
