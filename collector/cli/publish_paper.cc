#include "collector/cli/publish_paper.h"

#include "absl/strings/str_cat.h"
#include "collector/cli/release_check.h"
#include "collector/fleet/secret_file.h"
#include "proto/trust.pb.h"
#include "rules/trust/armour.h"
#include "rules/trust/order.h"

namespace schoolgate::collector {
namespace {

// A block of one signature lapses after 24 h; its countersigned form and a
// withdrawal reach laptops that were away for long.
constexpr absl::Duration kBlockLapses = absl::Hours(24);
// A pass may have been given for a lesson weeks ahead.
constexpr absl::Duration kPassWithdrawalStays = absl::Hours(24 * 60);

std::string Stamp(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

absl::Status WrongSchool(const std::string& file, const std::string& id,
                         const rules::TrustRoot& root) {
  if (id == root.id()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(file, ": is for ", id, ", and this collector's root for ",
                   root.id(), ": make it with --id ", root.id()));
}

absl::Status Over(const std::string& file, absl::Time end) {
  return absl::FailedPreconditionError(
      absl::StrCat(file, ": was over at ", Stamp(end), ": make a new one"));
}

absl::Status Damaged() {
  return absl::DataLossError("its content is damaged: make it again");
}

struct Read {
  PaperFacts facts;
  PublishedPaper paper;
  std::string school_id;
  bool withdraws = false;
};

absl::StatusOr<Read> ReadPass(const std::string& bytes) {
  v1::PassOrder order;
  if (!order.ParseFromString(bytes)) return Damaged();
  Read read;
  read.school_id = order.id();
  read.paper.id = order.pass().id();
  // Withdrawn or not: one paper, of which the later one counts.
  read.facts.name = PaperName("pass", order.pass().id());
  if (order.withdraw()) {
    read.withdraws = true;
    read.facts.ends =
        absl::FromUnixSeconds(order.issued_unix_s()) + kPassWithdrawalStays;
    read.paper.words = "ends the lesson pass on every device that has it";
  } else {
    read.facts.ends = absl::FromUnixSeconds(order.pass().end_unix_s());
    read.paper.words =
        absl::StrCat("opens for whom it names, until ", Stamp(read.facts.ends));
  }
  return read;
}

absl::StatusOr<Read> ReadBlock(const std::string& bytes,
                               const rules::Signers& signers) {
  v1::EmergencyOrder order;
  if (!order.ParseFromString(bytes)) return Damaged();
  Read read;
  read.school_id = order.id();
  read.paper.id = order.block().id();
  read.facts.name = PaperName("block", order.block().id());
  if (order.withdraw()) {
    read.withdraws = true;
    read.paper.words = "ends the emergency block";
    if (!signers.TwoOrganisations()) {
      return absl::PermissionDeniedError(
          "withdrawing takes provider and school: let the other sign as well");
    }
  } else if (signers.keys.size() >= 2) {
    read.paper.words = "blocks until it is withdrawn";
  } else {
    read.facts.ends =
        absl::FromUnixSeconds(order.block().issued_unix_s()) + kBlockLapses;
    read.paper.words =
        absl::StrCat("blocks until ", Stamp(read.facts.ends),
                     "; a second signature keeps it beyond that");
  }
  return read;
}

absl::StatusOr<Read> ReadTimestamp(const std::string& bytes) {
  v1::TimestampOrder order;
  if (!order.ParseFromString(bytes)) return Damaged();
  Read read;
  read.school_id = order.id();
  read.paper.id = absl::StrCat(order.serial());
  read.facts.name = "timestamp";
  read.paper.words =
      absl::StrCat("says that version ", order.bundle_version(),
                   " is the newest; sign another within 24 hours");
  return read;
}

// Whoever may publish must not undo by it what others have signed: a
// withdrawal stays, and a block that was kept is not made to lapse.
absl::Status CheckAgainstShelf(const DataDirectory& directory,
                               const std::string& file,
                               const std::string& school, const Read& read) {
  for (const auto& paper : PaperShelf(directory.Papers()).Load(school)) {
    if (paper->facts.name != read.facts.name) continue;
    const auto known = rules::ParseOrder(paper->paper.text());
    if (!known.ok() || read.withdraws) continue;
    v1::PassOrder pass;
    v1::EmergencyOrder block;
    const bool withdrawn =
        known->kind() == v1::ORDER_KIND_PASS
            ? pass.ParseFromString(known->order()) && pass.withdraw()
            : known->kind() == v1::ORDER_KIND_EMERGENCY &&
                  block.ParseFromString(known->order()) && block.withdraw();
    if (withdrawn) {
      return absl::FailedPreconditionError(
          absl::StrCat(file, ": was withdrawn: make a new one"));
    }
    if (known->kind() == v1::ORDER_KIND_EMERGENCY &&
        paper->facts.ends == absl::InfiniteFuture() &&
        read.facts.ends != absl::InfiniteFuture()) {
      return absl::FailedPreconditionError(absl::StrCat(
          file, ": a second person has signed it: publish that file"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<PublishedPaper> PublishOrder(const DataDirectory& directory,
                                            const std::string& file,
                                            const std::string& text,
                                            const rules::TrustRoot& root,
                                            const std::string& school,
                                            absl::Time now) {
  const auto order = rules::ParseOrder(text);
  if (!order.ok()) return order.status();
  const auto signers = rules::CheckOrder(root, *order);
  if (!signers.ok()) return signers.status();
  absl::StatusOr<Read> read = order->kind() == v1::ORDER_KIND_PASS
                                  ? ReadPass(order->order())
                              : order->kind() == v1::ORDER_KIND_EMERGENCY
                                  ? ReadBlock(order->order(), *signers)
                                  : ReadTimestamp(order->order());
  if (!read.ok()) {
    return absl::Status(read.status().code(),
                        absl::StrCat(file, ": ", read.status().message()));
  }
  absl::Status status = WrongSchool(file, read->school_id, root);
  if (!status.ok()) return status;
  if (read->facts.ends <= now) return Over(file, read->facts.ends);
  read->facts.kind = v1::Paper::KIND_ORDER;
  status = CheckAgainstShelf(directory, file, school, *read);
  if (!status.ok()) return status;
  status = PaperShelf(directory.Papers()).Place(read->facts, text, school, now);
  if (!status.ok()) return status;
  read->paper.what = std::string(rules::OrderName(order->kind()));
  read->paper.ends = read->facts.ends;
  return std::move(read->paper);
}

absl::StatusOr<PublishedPaper> PublishRoot(const DataDirectory& directory,
                                           const std::string& file,
                                           const std::string& text,
                                           const rules::TrustRoot& root,
                                           absl::Time now) {
  const auto chain = rules::ParseRootFile(text);
  if (!chain.ok()) return chain.status();
  const auto next = rules::WalkRoots(root, *chain);
  if (!next.ok()) return next.status();
  absl::Status status = WrongSchool(file, next->id(), root);
  if (status.ok()) {
    status = PaperShelf(directory.Papers())
                 .Place({.kind = v1::Paper::KIND_ROOT, .name = "root"}, text,
                        "", now);
  }
  // Last: what is stored is also what bundles and orders are verified by here.
  if (status.ok()) status = WriteSecretFile(directory.RulesRoot(), text);
  if (!status.ok()) return status;
  PublishedPaper paper;
  paper.what = "trust root";
  paper.id = absl::StrCat(next->version());
  paper.words =
      absl::StrCat("version ", next->version(), " follows version ",
                   root.version(), "; devices that were away walk the chain");
  return paper;
}

}  // namespace

absl::StatusOr<rules::TrustRoot> NewestRoot(const std::string& file) {
  const absl::StatusOr<std::string> text = ReadSmallFile(file);
  if (absl::IsNotFound(text.status())) {
    return absl::NotFoundError(absl::StrCat(
        file,
        ": no rules root: store it with `schoolgate-collector setup "
        "--root FILE`, or name one with --root"));
  }
  if (!text.ok()) return text.status();
  const auto chain = rules::ParseRootFile(*text);
  if (!chain.ok()) return chain.status();
  return rules::StartFromRootFile(*chain);
}

absl::StatusOr<PublishedPaper> PublishOrderText(const DataDirectory& directory,
                                                const std::string& text,
                                                const std::string& school,
                                                absl::Time now) {
  const auto root = NewestRoot(directory.RulesRoot());
  if (!root.ok()) return root.status();
  return PublishOrder(directory, "the order", text, *root, school, now);
}

absl::StatusOr<std::optional<PublishedPaper>> PublishPaper(
    const DataDirectory& directory, const std::string& file,
    const std::string& root_file, const std::string& school, absl::Time now) {
  const absl::StatusOr<std::string> text = ReadSmallFile(file);
  // Longer than any paper: a bundle, or for others to complain about.
  if (!text.ok()) return std::nullopt;
  const std::string_view label = rules::ArmourLabel(*text);
  if (label != rules::kOrderLabel && label != rules::kRootLabel) {
    return std::nullopt;
  }
  const auto root = NewestRoot(root_file);
  if (!root.ok()) return root.status();
  const auto paper =
      label == rules::kOrderLabel
          ? PublishOrder(directory, file, *text, *root, school, now)
          : PublishRoot(directory, file, *text, *root, now);
  if (!paper.ok()) return Advised(paper.status(), file);
  return *paper;
}

}  // namespace schoolgate::collector
