// timestamp: says which bundle is the newest.
#include <cstdio>
#include <memory>

#include "platform/clock.h"
#include "platform/complaint.h"
#include "rules/cli/order_file.h"
#include "rules/cli/verbs.h"
#include "rules/trust/bundle_check.h"

namespace schoolgate::rules {
namespace {

struct TimestampOptions {
  std::string bundle, out;
  std::vector<std::string> keys;
  PassphraseOption passphrase;
};

absl::Status MakeTimestamp(const TimestampOptions& options) {
  const auto bundle = BundleFile::Open(options.bundle);
  if (!bundle.ok()) return bundle.status();
  const int64_t now_us = absl::ToUnixMicros(platform::SystemClock().Now());
  v1::TimestampOrder stamp;
  stamp.set_id((*bundle)->manifest().id());
  stamp.set_serial(static_cast<uint64_t>(now_us));
  stamp.set_issued_unix_s(now_us / 1'000'000);
  stamp.set_bundle_version((*bundle)->manifest().version());
  stamp.set_manifest_hash(ManifestHash(**bundle));
  v1::SignedOrder order;
  order.set_kind(v1::ORDER_KIND_TIMESTAMP);
  order.set_order(stamp.SerializeAsString());
  return SignAndWriteOrder(std::move(order), options.keys, options.passphrase,
                           options.out);
}

}  // namespace

void AddTimestamp(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<TimestampOptions>();
  CLI::App* verb = app.add_subcommand(
      "timestamp", "Sign that this bundle is the newest, as of now");
  verb->add_option("BUNDLE", options->bundle, "The newest bundle")->required();
  verb->add_option("--key", options->keys, "Secret key of the role timestamp")
      ->required();
  verb->add_option("-o,--out", options->out, "Order file")->required();
  options->passphrase.AddTo(verb);
  verb->callback([options, exit_code] {
    const absl::Status status = MakeTimestamp(*options);
    *exit_code = status.ok() ? platform::kExitOk
                             : platform::Complain(kRulesProgram, status);
  });
}

}  // namespace schoolgate::rules
