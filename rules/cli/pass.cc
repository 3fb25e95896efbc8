// pass new, pass withdraw: lesson passes.
#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "platform/clock.h"
#include "platform/complaint.h"
#include "rules/bundle/host_name.h"
#include "rules/cli/order_file.h"
#include "rules/cli/verbs.h"
#include "rules/trust/order_book.h"

namespace schoolgate::rules {
namespace {

struct PassOptions {
  std::string id, out, pass_id, class_name, reason, requester, start, end;
  std::vector<std::string> hosts, devices, groups, users, keys;
  PassphraseOption passphrase;
};

absl::StatusOr<v1::PassOrder> Compose(const PassOptions& options) {
  const absl::Time now = platform::SystemClock().Now();
  const auto start = options.start.empty() ? now : ReadTime(options.start, now);
  if (!start.ok()) return start.status();
  const auto end = ReadTime(options.end, now);
  if (!end.ok()) return end.status();
  if (*end <= *start || *end - *start > kLongestPass) {
    return absl::InvalidArgumentError(
        absl::StrCat("pass: must end after its start and within ",
                     absl::FormatDuration(kLongestPass), ": give --until"));
  }
  if (options.devices.empty() && options.groups.empty() &&
      options.users.empty()) {
    WrongUsage("pass: for whom: give --device, --group or --user");
  }
  v1::PassOrder order;
  order.set_id(options.id);
  order.set_issued_unix_s(absl::ToUnixSeconds(now));
  v1::LessonPass& pass = *order.mutable_pass();
  pass.set_id(NewOrderId("pass-"));
  for (const std::string& text : options.hosts) {
    const auto host = HostName::Parse(text);
    if (!host) {
      return absl::InvalidArgumentError(
          absl::StrCat("host ", text, ": is no host name"));
    }
    pass.add_hosts(std::string(host->text()));
  }
  for (const auto& one : options.devices) pass.add_devices(one);
  for (const auto& one : options.groups) pass.add_groups(one);
  for (const auto& one : options.users) pass.add_users(one);
  pass.set_class_name(options.class_name);
  pass.set_reason(options.reason);
  pass.set_requester(options.requester);
  pass.set_start_unix_s(absl::ToUnixSeconds(*start));
  pass.set_end_unix_s(absl::ToUnixSeconds(*end));
  return order;
}

absl::Status WithdrawPass(const PassOptions& options) {
  const auto approver = LoadPublicPart(options.keys.front());
  if (!approver.ok()) return approver.status();
  v1::PassOrder order;
  order.set_id(options.id);
  order.set_issued_unix_s(absl::ToUnixSeconds(platform::SystemClock().Now()));
  order.set_withdraw(true);
  order.mutable_pass()->set_id(options.pass_id);
  order.mutable_pass()->set_reason(options.reason);
  order.mutable_pass()->set_approver(approver->key().name());
  v1::SignedOrder signed_order;
  signed_order.set_kind(v1::ORDER_KIND_PASS);
  signed_order.set_order(order.SerializeAsString());
  return SignAndWriteOrder(std::move(signed_order), options.keys,
                           options.passphrase, options.out);
}

absl::Status MakePass(const PassOptions& options) {
  auto order = Compose(options);
  if (!order.ok()) return order.status();
  // Whoever signs first is who approves.
  const auto approver = LoadPublicPart(options.keys.front());
  if (!approver.ok()) return approver.status();
  order->mutable_pass()->set_approver(approver->key().name());
  if (order->pass().approver() == options.requester) {
    return absl::InvalidArgumentError(
        absl::StrCat("pass: ", options.requester,
                     " cannot approve their own request: use another "
                     "person's key"));
  }
  v1::SignedOrder signed_order;
  signed_order.set_kind(v1::ORDER_KIND_PASS);
  signed_order.set_order(order->SerializeAsString());
  absl::Status status = SignAndWriteOrder(std::move(signed_order), options.keys,
                                          options.passphrase, options.out);
  if (status.ok()) {
    std::printf(
        "%s until %s\n", order->pass().id().c_str(),
        absl::FormatTime(absl::FromUnixSeconds(order->pass().end_unix_s()),
                         absl::UTCTimeZone())
            .c_str());
  }
  return status;
}

void AddWithdraw(CLI::App* pass, int* exit_code) {
  auto options = std::make_shared<PassOptions>();
  CLI::App* verb =
      pass->add_subcommand("withdraw", "End a lesson pass before its time");
  verb->add_option("PASS", options->pass_id, "The pass's id")->required();
  verb->add_option("--id", options->id, "School or trust, as in the root")
      ->required();
  verb->add_option("--reason", options->reason, "Why")->required();
  verb->add_option("--key", options->keys, "Secret key of the role pass")
      ->required();
  verb->add_option("-o,--out", options->out, "Order file")->required();
  options->passphrase.AddTo(verb);
  verb->callback([options, exit_code] {
    const absl::Status status = WithdrawPass(*options);
    *exit_code = status.ok() ? platform::kExitOk
                             : platform::Complain(kRulesProgram, status);
  });
}

}  // namespace

void AddPass(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<PassOptions>();
  CLI::App* pass = app.add_subcommand("pass", "Lesson passes");
  pass->require_subcommand(1);
  AddWithdraw(pass, exit_code);
  CLI::App* verb = pass->add_subcommand("new", "Open hosts for one lesson");
  verb->add_option("--id", options->id, "School or trust, as in the root")
      ->required();
  verb->add_option("--host", options->hosts, "Host, sub-domains included")
      ->required();
  verb->add_option("--device", options->devices, "Device id");
  verb->add_option("--group", options->groups, "Group, e.g. ks2");
  verb->add_option("--user", options->users, "Log-in name");
  verb->add_option("--class", options->class_name, "Class, for people");
  verb->add_option("--reason", options->reason, "What the lesson needs it for")
      ->required();
  verb->add_option("--requester", options->requester, "Who asked for it")
      ->required();
  verb->add_option("--from", options->start, "RFC 3339 or +10m; default: now");
  verb->add_option("--until", options->end, "RFC 3339 or +1h")->required();
  verb->add_option("--key", options->keys,
                   "Secret key of the role pass: its holder approves")
      ->required();
  verb->add_option("-o,--out", options->out, "Order file")->required();
  options->passphrase.AddTo(verb);
  verb->callback([options, exit_code] {
    const absl::Status status = MakePass(*options);
    *exit_code = status.ok() ? platform::kExitOk
                             : platform::Complain(kRulesProgram, status);
  });
}

}  // namespace schoolgate::rules
