// emergency new, countersign, withdraw.
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

struct EmergencyOptions {
  std::string id, out, path, block_id, reason;
  std::vector<std::string> hosts, categories, groups, keys;
  PassphraseOption passphrase;
};

absl::Status Write(v1::EmergencyOrder order, const EmergencyOptions& options) {
  const auto by = LoadPublicPart(options.keys.front());
  if (!by.ok()) return by.status();
  order.set_id(options.id);
  v1::EmergencyBlock& block = *order.mutable_block();
  block.set_by(by->key().name());
  block.set_reason(options.reason);
  v1::SignedOrder signed_order;
  signed_order.set_kind(v1::ORDER_KIND_EMERGENCY);
  signed_order.set_order(order.SerializeAsString());
  absl::Status status = SignAndWriteOrder(std::move(signed_order), options.keys,
                                          options.passphrase, options.out);
  if (status.ok()) std::printf("%s\n", block.id().c_str());
  return status;
}

absl::Status NewBlock(const EmergencyOptions& options) {
  if (options.hosts.empty() && options.categories.empty()) {
    WrongUsage("emergency: what to block: give --host or --category");
  }
  const absl::Time now = platform::SystemClock().Now();
  v1::EmergencyOrder order;
  v1::EmergencyBlock& block = *order.mutable_block();
  block.set_id(NewOrderId("block-"));
  for (const std::string& text : options.hosts) {
    const auto host = HostName::Parse(text);
    if (!host || (host->is_single_label() && !host->is_address())) {
      return absl::InvalidArgumentError(
          absl::StrCat("host ", text, ": is no whole host name"));
    }
    block.add_hosts(std::string(host->text()));
  }
  for (const auto& one : options.categories) block.add_categories(one);
  for (const auto& one : options.groups) block.add_groups(one);
  block.set_issued_unix_s(absl::ToUnixSeconds(now));
  block.set_lapses_unix_s(absl::ToUnixSeconds(now + kEmergencyLapse));
  return Write(std::move(order), options);
}

absl::Status WithdrawBlock(const EmergencyOptions& options) {
  v1::EmergencyOrder order;
  order.set_withdraw(true);
  order.mutable_block()->set_id(options.block_id);
  return Write(std::move(order), options);
}

absl::Status CountersignBlock(const EmergencyOptions& options) {
  return CountersignOrder(options.path, v1::ORDER_KIND_EMERGENCY, options.keys,
                          options.passphrase, options.out);
}

void AddKeys(CLI::App* verb, EmergencyOptions* options) {
  verb->add_option("--key", options->keys, "Secret key of the role emergency")
      ->required();
  options->passphrase.AddTo(verb);
}

template <typename Work>
void OnChosen(CLI::App* verb, std::shared_ptr<EmergencyOptions> options,
              int* exit_code, Work work) {
  verb->callback([options, exit_code, work] {
    const absl::Status status = work(*options);
    *exit_code = status.ok() ? platform::kExitOk
                             : platform::Complain(kRulesProgram, status);
  });
}

void AddNew(CLI::App* emergency, int* exit_code) {
  auto options = std::make_shared<EmergencyOptions>();
  CLI::App* verb =
      emergency->add_subcommand("new", "Block at once, for 24 hours");
  verb->add_option("--id", options->id, "School or trust, as in the root")
      ->required();
  verb->add_option("--host", options->hosts, "Host, sub-domains included");
  verb->add_option("--category", options->categories, "Category id");
  verb->add_option("--group", options->groups, "Group; default: everybody");
  verb->add_option("--reason", options->reason, "Why")->required();
  verb->add_option("-o,--out", options->out, "Order file")->required();
  AddKeys(verb, options.get());
  OnChosen(verb, options, exit_code, NewBlock);
}

void AddCountersign(CLI::App* emergency, int* exit_code) {
  auto options = std::make_shared<EmergencyOptions>();
  CLI::App* verb = emergency->add_subcommand(
      "countersign", "Keep a block beyond its 24 hours");
  verb->add_option("ORDER", options->path, "Order file")->required();
  verb->add_option("-o,--out", options->out, "Default: ORDER itself");
  AddKeys(verb, options.get());
  OnChosen(verb, options, exit_code, CountersignBlock);
}

void AddWithdraw(CLI::App* emergency, int* exit_code) {
  auto options = std::make_shared<EmergencyOptions>();
  CLI::App* verb = emergency->add_subcommand(
      "withdraw", "End a block: takes keys of provider and school");
  verb->add_option("BLOCK", options->block_id, "The block's id")->required();
  verb->add_option("--id", options->id, "School or trust, as in the root")
      ->required();
  verb->add_option("--reason", options->reason, "Why")->required();
  verb->add_option("-o,--out", options->out, "Order file")->required();
  AddKeys(verb, options.get());
  OnChosen(verb, options, exit_code, WithdrawBlock);
}

}  // namespace

void AddEmergency(CLI::App& app, int* exit_code) {
  CLI::App* emergency = app.add_subcommand("emergency", "Emergency blocks");
  emergency->require_subcommand(1);
  AddNew(emergency, exit_code);
  AddCountersign(emergency, exit_code);
  AddWithdraw(emergency, exit_code);
}

}  // namespace schoolgate::rules
