// Files of a case: pictures, PDF, text. Never in a case of illegal material;
// never shown by this site, only handed out as a file. Sealed to the
// collector's key before they are stored.
#include <sodium.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "collector/cases/alert_json.h"
#include "collector/cases/attachment_kind.h"
#include "collector/web/api.h"
#include "proto/seal/hash.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kMostBytes = 5 << 20;
constexpr size_t kMostOfACase = 10;
constexpr size_t kNameLimit = 300;
constexpr size_t kReasonLeast = 5;
constexpr size_t kReasonLimit = 500;
// In JSON as base64, with its name.
constexpr size_t kMostBody = kMostBytes / 3 * 4 + 4096;
constexpr size_t kUsualBody = 64 << 10;

std::string HashOf(std::string_view bytes) {
  seal::Hasher hasher;
  hasher.Add(bytes);
  return seal::ToHex(hasher.Finish());
}

// 48 random bits: exact in a page's numbers, and not to be guessed.
uint64_t RandomId() {
  const std::string bytes = seal::RandomBytes(6);
  uint64_t id = 0;
  for (const char c : bytes) id = id << 8 | static_cast<unsigned char>(c);
  return id | 1;
}

Response Locked() {
  return Refusal(
      409, "locked",
      "Nothing may be attached here, and nothing is handed out. Illegal "
      "material must not be copied or stored, not even as evidence: that can "
      "be an offence of its own. Leave it where it is and call the police.");
}

Response NoSuchFile() {
  return Refusal(404, "not_found", "There is no such file.");
}

}  // namespace

size_t Api::BodyLimit(const Request& request) {
  uint64_t number = 0;
  bool path_known = false;
  const AccessRule* rule =
      FindRule(request.method, request.path, &number, &path_known);
  if (rule == nullptr || (rule->endpoint != Endpoint::kAttach &&
                          rule->endpoint != Endpoint::kUploadInventory)) {
    return kUsualBody;
  }
  // Who is not logged in fills no memory.
  const bool inside =
      sessions_.Find(request.Cookie(kSessionCookie), clock_.SinceBoot(), false)
          .ok();
  return inside ? kMostBody : kUsualBody;
}

std::optional<Response> Api::NoAttachmentsHere(const v1::Alert& alert) {
  if (stores_.attachments == nullptr || stores_.attachment_key == nullptr) {
    return Refusal(503, "not_here", "This server keeps no files.");
  }
  if (IsLocked(alert)) return Locked();
  return std::nullopt;
}

nlohmann::json Api::AttachmentJson(const Attachment& one) {
  const auto name = seal::OpenBox(*stores_.attachment_key, one.name);
  return {{"id", one.id},
          {"name", name.ok() ? *name : "(cannot be opened)"},
          {"type", one.type},
          {"bytes", one.bytes},
          {"hash", one.hash},
          {"added_by", NameOf(one.added_by)},
          {"added", TimeWord(absl::ToUnixMicros(one.added))}};
}

nlohmann::json Api::AttachmentsOf(const v1::Alert& alert) {
  nlohmann::json list = nlohmann::json::array();
  if (stores_.attachments == nullptr || stores_.attachment_key == nullptr) {
    return list;
  }
  const auto all = stores_.attachments->Of(alert.id());
  if (!all.ok()) return list;
  for (const Attachment& one : *all) list.push_back(AttachmentJson(one));
  return list;
}

Response Api::Attach(const Request& request, uint64_t id,
                     const Caller& caller) {
  Response refusal;
  const std::optional<v1::Alert> alert = SeenBy(id, caller, &refusal);
  if (!alert) return refusal;
  if (auto not_here = NoAttachmentsHere(*alert)) return *not_here;
  const nlohmann::json body = BodyObject(request);
  std::string bytes;
  if (!body.contains("base64") || !body["base64"].is_string() ||
      !absl::Base64Unescape(body["base64"].get_ref<const std::string&>(),
                            &bytes) ||
      bytes.empty()) {
    return Refusal(400, "incomplete", "Choose a file that is not empty.");
  }
  if (bytes.size() > kMostBytes) {
    return Refusal(413, "too_large", "A file may have 5 MB at most.");
  }
  const auto kind = KindOfAttachment(bytes);
  if (!kind) {
    return Refusal(415, "wrong_kind",
                   "Only pictures (PNG, JPEG, WebP), PDF and plain text can be "
                   "attached, and this file is none of them, whatever its name "
                   "says. Save it as PDF, or make a picture of it.");
  }
  const std::lock_guard lock(attachments_mutex_);
  const auto there = stores_.attachments->Of(id);
  if (!there.ok()) {
    return Refusal(503, "not_stored", "Try again in a minute.");
  }
  if (there->size() >= kMostOfACase) {
    return Refusal(409, "too_many", "A case has 10 files at most.");
  }
  const std::string name =
      AttachmentName(Text(body, "name", kNameLimit), *kind);
  const std::string& key = stores_.attachment_key->public_key();
  const auto sealed = seal::SealTo(key, bytes);
  const auto sealed_name = seal::SealTo(key, name);
  if (!sealed.ok() || !sealed_name.ok()) {
    return Refusal(503, "not_stored", "Nothing was stored. Try again later.");
  }
  Attachment one{.id = RandomId(),
                 .alert = id,
                 .name = *sealed_name,
                 .type = kind->type,
                 .bytes = bytes.size(),
                 .hash = HashOf(bytes),
                 .added_by = caller.account.name,
                 .added = clock_.Now(),
                 .sealed = *sealed};
  sodium_memzero(bytes.data(), bytes.size());
  if (auto failed =
          Record(caller.account.name, "attach", absl::StrCat(id), one.hash)) {
    return *failed;
  }
  if (!stores_.attachments->Put(one).ok()) {
    return Refusal(503, "not_stored", "Nothing was stored. Try again later.");
  }
  return JsonAnswer({{"attachments", AttachmentsOf(*alert)}});
}

std::optional<Attachment> Api::AttachmentFor(uint64_t id, const Caller& caller,
                                             v1::Alert* alert,
                                             Response* refusal) {
  *refusal = NoSuchFile();
  absl::StatusOr<Attachment> one = absl::NotFoundError("");
  if (stores_.attachments != nullptr && stores_.attachment_key != nullptr) {
    one = stores_.attachments->Get(id);
  }
  if (one.ok()) {
    const auto of = stores_.alerts.Get(one->alert);
    if (of.ok() && SightOf(caller.account, *of, Everybody()) == Sight::kFull) {
      *alert = *of;
      return *std::move(one);
    }
  }
  // The same answer, and the same line, for what is hidden and what is not
  // there.
  if (auto failed = Record(caller.account.name, "refused", "", "attachment")) {
    *refusal = *failed;
  }
  return std::nullopt;
}

Response Api::FetchAttachment(uint64_t id, const Caller& caller) {
  v1::Alert alert;
  Response refusal;
  const auto one = AttachmentFor(id, caller, &alert, &refusal);
  if (!one) return refusal;
  // A case can become one of illegal material after a file was added.
  if (IsLocked(alert)) return Locked();
  auto bytes = seal::OpenBox(*stores_.attachment_key, one->sealed);
  const auto name = seal::OpenBox(*stores_.attachment_key, one->name);
  if (!bytes.ok() || !name.ok() || HashOf(*bytes) != one->hash) {
    return Refusal(503, "damaged",
                   "This file is not what was stored. Ask your IT provider to "
                   "restore the backup.");
  }
  if (auto failed = Record(caller.account.name, "fetch_attachment",
                           absl::StrCat(one->alert), one->hash)) {
    return *failed;
  }
  Response response;
  response.type = one->type;
  response.body = *std::move(bytes);
  // Handed out, never shown: and should a browser show it all the same, it is
  // a page without rights.
  response.headers.emplace_back(
      "Content-Disposition",
      absl::StrCat("attachment; filename=\"", *name, "\""));
  response.headers.emplace_back("Content-Security-Policy",
                                "sandbox; default-src 'none'");
  return response;
}

Response Api::RemoveAttachment(const Request& request, uint64_t id,
                               const Caller& caller) {
  v1::Alert alert;
  Response refusal;
  const std::string reason = Text(BodyObject(request), "reason", kReasonLimit);
  const auto one = AttachmentFor(id, caller, &alert, &refusal);
  if (!one) return refusal;
  if (reason.size() < kReasonLeast) {
    return Refusal(400, "incomplete", "Say in a few words why it is removed.");
  }
  if (alert.has_hold()) {
    return Refusal(409, "held",
                   "This case is on hold: nothing of it may be removed.");
  }
  if (auto failed = Record(caller.account.name, "remove_attachment",
                           absl::StrCat(one->alert),
                           absl::StrCat(reason, " (", one->hash, ")"))) {
    return *failed;
  }
  if (!stores_.attachments->Remove(id).ok()) {
    return Refusal(503, "not_stored", "Nothing was changed. Try again later.");
  }
  return JsonAnswer({{"attachments", AttachmentsOf(alert)}});
}

// For the custody pack: all of them with what is in them, in a case of illegal
// material without it. An error when one cannot be read: a pack must not be
// silent about it.
absl::StatusOr<std::vector<nlohmann::json>> Api::AttachmentRecords(
    const v1::Alert& alert) {
  std::vector<nlohmann::json> records;
  if (stores_.attachments == nullptr || stores_.attachment_key == nullptr) {
    return records;
  }
  const auto all = stores_.attachments->Of(alert.id());
  if (!all.ok()) return all.status();
  for (const Attachment& listed : *all) {
    nlohmann::json record = AttachmentJson(listed);
    record.erase("id");
    record["kind"] = "attachment";
    if (IsLocked(alert)) {
      records.push_back(std::move(record));
      continue;
    }
    const auto one = stores_.attachments->Get(listed.id);
    if (!one.ok()) return one.status();
    const auto bytes = seal::OpenBox(*stores_.attachment_key, one->sealed);
    if (!bytes.ok()) return bytes.status();
    record["base64"] = absl::Base64Escape(*bytes);
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace schoolgate::collector
