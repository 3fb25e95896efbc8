#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "collector/cases/custody.h"
#include "collector/cli/audit_keys.h"
#include "collector/cli/open_stores.h"
#include "collector/cli/preflight.h"
#include "collector/cli/program.h"
#include "collector/cli/verbs.h"
#include "collector/store/audit_log.h"
#include "platform/clock.h"
#include "platform/whole_file.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kPage = 1024;
constexpr size_t kHeadLimit = 64 << 10;
constexpr char kHeadKind[] = "audit_head";

struct Options {
  DataDirectory directory;
  std::string head, key, output, reason;
  bool json = false;
};

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

// To read alone. A key that was given counts more than the directory's.
absl::StatusOr<std::unique_ptr<AuditLog>> OpenLog(const Options& options) {
  const absl::Status config = LoadConfig(options.directory).status();
  if (!config.ok()) return config;
  absl::StatusOr<AuditKeys> keys = AuditKeysToRead(options.directory);
  if (!keys.ok()) return keys.status();
  if (!options.key.empty()) {
    absl::StatusOr<std::string> key = seal::FromHex(options.key);
    if (!key.ok() || key->size() != seal::kPublicKeyBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("--key ", options.key, ": not 64 hexadecimal digits"));
    }
    keys->public_key = *std::move(key);
  }
  return OpenAudit(options.directory, *std::move(keys));
}

// A head is a custody pack of one record: the entry that was the last one.
absl::Status CheckHead(AuditLog& log, const Options& options) {
  const absl::StatusOr<CustodyFacts> facts =
      VerifyCustodyFile(options.head, kHeadLimit, options.key);
  if (!facts.ok()) return facts.status();
  const nlohmann::json& head = facts->first;
  if (head.value("kind", "") != kHeadKind) {
    return absl::InvalidArgumentError(absl::StrCat(
        options.head,
        ": signed, but no head of an audit log: see `audit head`"));
  }
  const uint64_t number = head.value("number", uint64_t{0});
  if (number == 0) return absl::OkStatus();  // taken of an empty log
  const auto entry = log.Read(number - 1, 1);
  if (!entry.ok()) return entry.status();
  if (!entry->empty() && entry->front().number == number &&
      entry->front().hash == head.value("hash", "")) {
    return absl::OkStatus();
  }
  return absl::DataLossError(absl::StrCat(
      "audit log: not the one whose head was taken on ", head.value("time", ""),
      ": entry ", number, entry->empty() ? " is cut off" : " is another one",
      ": whoever may write the database has changed it"));
}

absl::Status Head(const Options& options) {
  auto log = OpenLog(options);
  if (!log.ok()) return log.status();
  absl::Status status = (*log)->Verify();
  if (!status.ok()) return status;
  const absl::StatusOr<AuditHead> head = (*log)->Head();
  if (!head.ok()) return head.status();
  const absl::StatusOr<AuditKeys> keys = AuditKeysToSign(options.directory);
  if (!keys.ok()) return keys.status();
  const CustodyPack pack =
      MakeCustodyPack({{{"kind", kHeadKind},
                        {"number", head->number},
                        {"hash", head->hash},
                        {"time", TimeText(platform::SystemClock().Now())}}},
                      *keys->signing);
  if (options.output.empty()) {
    std::printf("%s", pack.text.c_str());
    return absl::OkStatus();
  }
  status = platform::ReplaceFile(options.output, pack.text, 0644);
  if (!status.ok()) return status;
  std::printf(
      "%s: entry %llu is the last one now, signed\n"
      "Keep it where the collector's owner cannot write; `audit verify --head` "
      "tells whether the log is still that one.\n",
      options.output.c_str(), static_cast<unsigned long long>(head->number));
  return absl::OkStatus();
}

absl::Status Verify(const Options& options) {
  auto log = OpenLog(options);
  if (!log.ok()) return log.status();
  absl::Status status = (*log)->Verify();
  if (status.ok() && !options.head.empty()) status = CheckHead(**log, options);
  if (!status.ok()) return status;
  const absl::StatusOr<AuditHead> head = (*log)->Head();
  if (!head.ok()) return head.status();
  if (options.json) {
    std::printf("%s\n", nlohmann::json({{"entries", head->number},
                                        {"head", head->hash},
                                        {"signed", TimeText(head->time)},
                                        {"key", seal::ToHex(head->key)}})
                            .dump()
                            .c_str());
    return absl::OkStatus();
  }
  std::printf(
      "audit log: %llu entries, none changed or missing, head %s, signed %s "
      "with key %s\n%s",
      static_cast<unsigned long long>(head->number), head->hash.c_str(),
      TimeText(head->time).c_str(), seal::ToHex(head->key).c_str(),
      options.head.empty()
          ? "An earlier log put back with its earlier head, or one that the "
            "collector's owner signed anew, shows by a head that was kept "
            "elsewhere alone: see `audit head`.\n"
          : "It goes on from the head that was given.\n");
  return absl::OkStatus();
}

absl::Status Sign(const Options& options) {
  absl::Status status = LoadConfig(options.directory).status();
  if (!status.ok()) return status;
  if (IsServing(options.directory)) {
    return absl::FailedPreconditionError(absl::StrCat(
        options.directory.path, ": the collector runs: stop it first"));
  }
  const absl::StatusOr<AuditKeys> keys = AuditKeysToSignAnew(options.directory);
  if (!keys.ok()) return keys.status();
  auto log = OpenAudit(options.directory, *keys);
  if (!log.ok()) return log.status();
  status = (*log)->SignAnew({.time = platform::SystemClock().Now(),
                             .who = "system",
                             .action = "sign_audit_log",
                             .about = "",
                             .detail = options.reason,
                             .hash = ""});
  if (status.ok()) status = RememberAuditKey(options.directory, **log);
  if (!status.ok()) return status;
  std::printf("audit log: signed with key %s; that it was is an entry in it\n",
              seal::ToHex(keys->public_key).c_str());
  return absl::OkStatus();
}

absl::Status Show(const Options& options) {
  auto log = OpenLog(options);
  if (!log.ok()) return log.status();
  uint64_t after = 0;
  while (true) {
    const auto page = (*log)->Read(after, kPage);
    if (!page.ok()) return page.status();
    if (page->empty()) return absl::OkStatus();
    for (const AuditEntry& entry : *page) {
      after = entry.number;
      const std::string time = TimeText(entry.time);
      if (options.json) {
        const nlohmann::json line = {
            {"number", entry.number}, {"time", time},
            {"who", entry.who},       {"action", entry.action},
            {"about", entry.about},   {"detail", entry.detail},
            {"hash", entry.hash}};
        std::printf("%s\n", line.dump(-1, ' ', false,
                                      nlohmann::json::error_handler_t::replace)
                                .c_str());
      } else {
        std::printf("%6llu %s %-10s %-20s %s %s\n",
                    static_cast<unsigned long long>(entry.number), time.c_str(),
                    entry.who.c_str(), entry.action.c_str(),
                    entry.about.c_str(), entry.detail.c_str());
      }
    }
  }
}

}  // namespace

void AddAudit(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("audit", "Who did and saw what");
  verb->require_subcommand(1);
  const struct {
    const char* name;
    const char* what;
    absl::Status (*run)(const Options&);
  } all[] = {
      {"verify", "Prove that no entry was changed or taken out", Verify},
      {"head", "Sign which entry is the last one, to be kept elsewhere", Head},
      {"sign", "Sign a log anew whose signed head or key was lost", Sign},
      {"show", "Print all entries", Show}};
  for (const auto& [name, what, run] : all) {
    CLI::App* part = verb->add_subcommand(name, what);
    AddDataOption(*part, &options->directory);
    if (run == Head) {
      part->add_option("-o", options->output, "Write to this file");
    } else if (run == Sign) {
      part->add_option("--reason", options->reason, "Why: it goes on record")
          ->required();
    } else {
      part->add_flag("--json", options->json, "Print JSON");
    }
    if (run == Verify) {
      part->add_option("--head", options->head,
                       "Also that the log goes on from this signed head");
      part->add_option("--key", options->key,
                       "The key that must have signed log and head, as the "
                       "school tells it");
    }
    part->callback([options, exit_code, run = run] {
      const absl::Status status = run(*options);
      if (!status.ok()) *exit_code = Complain(status);
    });
  }
}

}  // namespace schoolgate::collector
