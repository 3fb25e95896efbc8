// What is sent out, and who may fetch.
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "collector/cli/feeds_file.h"
#include "collector/cli/open_stores.h"
#include "collector/cli/program.h"
#include "collector/cli/verbs.h"
#include "collector/feed/feed_token.h"
#include "collector/fleet/secret_file.h"
#include "collector/store/feed_store.h"
#include "platform/clock.h"
#include "platform/usage.h"

namespace schoolgate::collector {
namespace {

struct Options {
  DataDirectory directory;
  std::string retry, account, output, withdraw;
  bool json = false;
};

absl::Status Append(const Options& options, const char* action,
                    const std::string& detail) {
  auto audit = OpenAudit(options.directory);
  if (!audit.ok()) return audit.status();
  return (*audit)->Append({.time = platform::SystemClock().Now(),
                           .who = "system",
                           .action = action,
                           .about = "",
                           .detail = detail,
                           .hash = ""});
}

std::string Stamp(absl::Time time) {
  return time == absl::InfinitePast()
             ? ""
             : absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time,
                                absl::UTCTimeZone());
}

absl::Status PrintOne(const FeedProgress& feed, FeedStore& store, bool json) {
  const auto dead = store.Dead(feed.name);
  if (!dead.ok()) return dead.status();
  if (json) {
    nlohmann::json letters = nlohmann::json::array();
    for (const DeadLetter& letter : *dead) {
      letters.push_back({{"alert", letter.alert},
                         {"time", Stamp(letter.time)},
                         {"why", letter.why}});
    }
    std::printf("%s\n", nlohmann::json({{"name", feed.name},
                                        {"sent", feed.sent},
                                        {"given_up", feed.dead},
                                        {"cursor", feed.cursor},
                                        {"attempts", feed.attempts},
                                        {"last_sent", Stamp(feed.last_sent)},
                                        {"error", feed.last_error},
                                        {"dead_letters", letters}})
                            .dump()
                            .c_str());
    return absl::OkStatus();
  }
  std::printf(
      "%-24s sent %llu, given up %llu%s%s\n", feed.name.c_str(),
      static_cast<unsigned long long>(feed.sent),
      static_cast<unsigned long long>(feed.dead),
      feed.last_error.empty() ? "" : "; failing: ", feed.last_error.c_str());
  for (const DeadLetter& letter : *dead) {
    std::printf("    alert %llu, %s: %s\n",
                static_cast<unsigned long long>(letter.alert),
                Stamp(letter.time).c_str(), letter.why.c_str());
  }
  return absl::OkStatus();
}

absl::Status Feeds(const Options& options) {
  const auto file = LoadFeeds(options.directory, absl::UTCTimeZone());
  if (!file.ok()) return file.status();
  auto store = OpenFeeds(options.directory);
  if (!store.ok()) return store.status();
  if (!options.retry.empty()) {
    const absl::Status known = (*store)->Progress(options.retry).status();
    if (!known.ok()) return known;
    const absl::Status recorded = Append(options, "retry_feed", options.retry);
    return recorded.ok() ? (*store)->Redeliver(options.retry) : recorded;
  }
  const auto all = (*store)->All();
  if (!all.ok()) return all.status();
  for (const FeedProgress& feed : *all) {
    const absl::Status printed = PrintOne(feed, **store, options.json);
    if (!printed.ok()) return printed;
  }
  if (all->empty() && !options.json) {
    std::printf("nothing is sent yet: see docs/feeds.md\n");
  }
  return absl::OkStatus();
}

absl::Status Token(const Options& options) {
  auto store = OpenFeeds(options.directory);
  if (!store.ok()) return store.status();
  if (!options.withdraw.empty()) {
    absl::StatusOr<FeedToken> token = (*store)->Token(options.withdraw);
    if (!token.ok()) return token.status();
    token->withdrawn = true;
    const absl::Status recorded =
        Append(options, "withdraw_feed_token", options.withdraw);
    return recorded.ok() ? (*store)->PutToken(*token) : recorded;
  }
  auto accounts = OpenAccounts(options.directory);
  if (!accounts.ok()) return accounts.status();
  const absl::Status known = (*accounts)->Get(options.account).status();
  if (!known.ok()) return known;
  const NewFeedToken made =
      MakeFeedToken(options.account, platform::SystemClock().Now());
  absl::Status status =
      Append(options, "feed_token",
             absl::StrCat(options.account, " ", made.stored.id));
  if (status.ok()) status = (*store)->PutToken(made.stored);
  if (status.ok()) {
    status = WriteSecretFile(options.output, made.text + "\n");
  }
  if (!status.ok()) return status;
  std::printf("%s: reads alerts as %s does; take it back with --withdraw %s\n",
              options.output.c_str(), options.account.c_str(),
              made.stored.id.c_str());
  return status;
}

}  // namespace

void AddFeeds(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand(
      "feeds", "How far webhooks and mails have come, and what was given up");
  AddDataOption(*verb, &options->directory);
  verb->add_flag("--json", options->json, "Print one JSON object a line");
  verb->add_option("--retry", options->retry,
                   "Send again what this feed had to give up");
  verb->callback([options, exit_code] {
    const absl::Status status = Feeds(*options);
    if (!status.ok()) *exit_code = Complain(status);
  });
}

void AddFeedToken(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand(
      "feed-token", "Make a token to fetch alerts as Atom or CSV");
  AddDataOption(*verb, &options->directory);
  verb->add_option("--account", options->account,
                   "The reader sees what this account may see");
  verb->add_option("-o,--output", options->output, "Where to write it");
  verb->add_option("--withdraw", options->withdraw, "Take a token back");
  verb->callback([options, verb, exit_code] {
    if (options->withdraw.empty() &&
        (options->account.empty() || options->output.empty())) {
      *exit_code = platform::ComplainOfUsage(
          *verb, "feed-token: give --account and -o, or --withdraw");
      return;
    }
    const absl::Status status = Token(*options);
    if (!status.ok()) *exit_code = Complain(status);
  });
}

}  // namespace schoolgate::collector
