#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "collector/cli/open_stores.h"
#include "collector/cli/option_words.h"
#include "collector/cli/program.h"
#include "collector/cli/publish_paper.h"
#include "collector/cli/release_check.h"
#include "collector/cli/verbs.h"
#include "collector/fleet/rings.h"
#include "platform/clock.h"
#include "platform/written_time.h"
#include "rules/bundle/delta.h"
#include "rules/trust/bundle_check.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kDeltasAtOnce = 3;  // from so many earlier releases

struct Options {
  DataDirectory directory;
  std::string file, school, root, canary, fallback;
  std::string soak = "30m", trial = "0s";
  bool rings = false;
  bool json = false;
};

struct Published {
  ShelvedBundle bundle;
  std::optional<Rollout> rollout;
  std::vector<ShelvedDelta> deltas;
};

std::string RootFile(const Options& options) {
  return options.root.empty() ? options.directory.RulesRoot() : options.root;
}

absl::StatusOr<uint64_t> VerifiedVersion(const Options& options,
                                         const std::string& file,
                                         absl::Time now) {
  const auto root = NewestRoot(RootFile(options));
  if (!root.ok()) return root.status();
  const auto checked = rules::CheckSigned(file, *root);
  if (!checked.ok()) return Advised(checked.status(), file);
  absl::Status status = rules::CheckContent(*checked->file);
  if (status.ok()) {
    status = CheckRelease(BundleShelf(options.directory.Bundles()),
                          options.school, *checked, *root, now);
  }
  if (!status.ok()) return status;
  if (!checked->release.TwoOrganisations()) {
    std::fprintf(stderr,
                 "schoolgate-collector: %s: signed by %s alone: devices that "
                 "enrol from now on take no first rules from one organisation: "
                 "let the other sign it as well\n",
                 file.c_str(), checked->release.Names().c_str());
  }
  return checked->file->manifest().version();
}

// What devices have today leads to the new bundle by a delta, where the two
// were built upon each other.
void MakeDeltas(const BundleShelf& shelf, const Options& options,
                const std::vector<std::string>& from, Published* published) {
  const std::string draft =
      absl::StrCat(options.directory.Bundles(), "/making-", getpid(), ".tmp");
  std::error_code ignored;
  for (const std::string& base : from) {
    if (base == published->bundle.hash) continue;
    if (!options.json) {
      std::fprintf(stderr, "making a delta from %.12s ...\n",
                   seal::ToHex(base).c_str());
    }
    const auto made = rules::WriteDelta(
        shelf.PathOf(base), shelf.PathOf(published->bundle.hash), draft);
    if (!made.ok()) {
      // FAILED_PRECONDITION: built afresh; devices fetch all of it.
      if (!absl::IsFailedPrecondition(made.status())) Complain(made.status());
      continue;
    }
    // A delta nearly as long as the bundle is not worth its trouble.
    if (made->delta_bytes < published->bundle.size_bytes / 2) {
      const auto placed =
          shelf.PlaceDelta(draft, base, published->bundle.hash, options.school);
      if (placed.ok()) published->deltas.push_back(*placed);
    }
  }
  std::filesystem::remove(draft, ignored);
}

// Bundles that devices may have now, the newest first.
std::vector<std::string> Bases(const BundleShelf& shelf,
                               const std::string& school) {
  std::vector<std::string> bases;
  if (const auto rollout = shelf.RolloutOf(school)) {
    bases.push_back(rollout->bundle.hash);
  }
  if (const auto current = shelf.Current(school)) {
    bases.push_back(current->hash);
  }
  const std::vector<ShelvedDelta> known = shelf.Deltas(school);
  for (auto delta = known.rbegin();
       delta != known.rend() && bases.size() < kDeltasAtOnce; ++delta) {
    if (std::find(bases.begin(), bases.end(), delta->from) == bases.end()) {
      bases.push_back(delta->from);
    }
  }
  return bases;
}

// Without a word the device that was heard of last.
absl::StatusOr<std::string> ChooseCanary(const Options& options,
                                         const BundleShelf& shelf) {
  auto store = OpenDevices(options.directory);
  if (!store.ok()) return store.status();
  if (!options.canary.empty()) {
    const auto device = (*store)->Get(options.canary);
    if (!device.ok()) {
      return absl::NotFoundError(
          absl::StrCat(options.canary,
                       ": no such device: see schoolgate-collector devices"));
    }
    return device->id;
  }
  auto audit = OpenAudit(options.directory);
  if (!audit.ok()) return audit.status();
  const auto devices = Rings(shelf, **store, **audit).DevicesOf(options.school);
  if (!devices.ok()) return devices.status();
  const Device* best = nullptr;
  for (const Device& device : *devices) {
    if (device.state != DeviceState::kActive) continue;
    if (best == nullptr || device.last_contact > best->last_contact) {
      best = &device;
    }
  }
  if (best == nullptr) {
    return absl::FailedPreconditionError(
        "--rings: no device is enrolled yet: publish without --rings");
  }
  return best->id;
}

absl::StatusOr<Rollout> PlanRings(const Options& options, uint64_t version,
                                  const BundleShelf& shelf, absl::Time now) {
  Rollout rollout;
  rollout.soak = *platform::ReadSpan(options.soak);
  rollout.trial = *platform::ReadSpan(options.trial);
  auto canary = ChooseCanary(options, shelf);
  if (!canary.ok()) return canary.status();
  rollout.canary = *std::move(canary);
  rollout.since = now;
  rollout.ring =
      rollout.trial > absl::ZeroDuration() ? Ring::kTrial : Ring::kOne;
  if (options.fallback.empty()) return rollout;
  const auto back = VerifiedVersion(options, options.fallback, now);
  if (!back.ok()) return back.status();
  if (*back <= version) {
    return absl::InvalidArgumentError(absl::StrCat(
        options.fallback, ": version ", *back, " is not above ", version,
        ": build the old content with a higher version than the release"));
  }
  rollout.fallback.version = *back;
  return rollout;
}

absl::StatusOr<Published> PublishBundle(const Options& options,
                                        absl::Time now) {
  const absl::StatusOr<uint64_t> version =
      VerifiedVersion(options, options.file, now);
  if (!version.ok()) return version.status();
  const BundleShelf shelf(options.directory.Bundles());
  const std::vector<std::string> bases = Bases(shelf, options.school);
  Published published;
  if (!options.rings) {
    auto placed = shelf.Place(options.file, *version, options.school);
    if (!placed.ok()) return placed.status();
    published.bundle = *std::move(placed);
    MakeDeltas(shelf, options, bases, &published);
    return published;
  }
  absl::StatusOr<Rollout> rollout = PlanRings(options, *version, shelf, now);
  if (!rollout.ok()) return rollout.status();
  auto laid = shelf.Lay(options.file, *version, options.school);
  if (!laid.ok()) return laid.status();
  published.bundle = rollout->bundle = *std::move(laid);
  if (rollout->fallback.version != 0) {
    auto back =
        shelf.Lay(options.fallback, rollout->fallback.version, options.school);
    if (!back.ok()) return back.status();
    rollout->fallback = *std::move(back);
  }
  // Before anybody is offered it, so that the first device saves as well.
  MakeDeltas(shelf, options, bases, &published);
  const absl::Status status = shelf.SaveRollout(*rollout, options.school);
  if (!status.ok()) return status;
  published.rollout = *std::move(rollout);
  return published;
}

void Tell(const Options& options, const Published& published) {
  const ShelvedBundle& bundle = published.bundle;
  if (options.json) {
    nlohmann::json line = {{"version", bundle.version},
                           {"hash", seal::ToHex(bundle.hash)},
                           {"size", bundle.size_bytes},
                           {"school", options.school},
                           {"deltas", published.deltas.size()}};
    if (published.rollout) {
      line["ring"] = RingName(published.rollout->ring);
      line["canary"] = published.rollout->canary;
    }
    std::printf("%s\n", line.dump().c_str());
    return;
  }
  const std::string whom =
      options.school.empty() ? "all devices" : options.school;
  if (published.rollout) {
    std::printf(
        "published: version %llu, in rings to %s, %s first; follow it with "
        "`schoolgate-collector rules`\n",
        static_cast<unsigned long long>(bundle.version), whom.c_str(),
        published.rollout->canary.c_str());
  } else {
    std::printf(
        "published: version %llu, offered to %s within seconds; see "
        "`schoolgate-collector devices` for who runs it\n",
        static_cast<unsigned long long>(bundle.version), whom.c_str());
  }
  for (const ShelvedDelta& delta : published.deltas) {
    std::printf("  delta: %llu bytes instead of %llu\n",
                static_cast<unsigned long long>(delta.size_bytes),
                static_cast<unsigned long long>(bundle.size_bytes));
  }
}

void TellPaper(const Options& options, const PublishedPaper& paper) {
  if (options.json) {
    nlohmann::json line = {
        {"order", paper.what}, {"id", paper.id}, {"school", options.school}};
    if (paper.ends != absl::InfiniteFuture()) {
      line["ends"] = absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", paper.ends,
                                      absl::UTCTimeZone());
    }
    std::printf("%s\n", line.dump().c_str());
    return;
  }
  std::printf("published: %s %s: %s\n", paper.what.c_str(), paper.id.c_str(),
              paper.words.c_str());
}

absl::Status Note(const Options& options, const std::string& detail,
                  absl::Time now) {
  auto audit = OpenAudit(options.directory);
  if (!audit.ok()) return audit.status();
  return (*audit)->Append(
      {.time = now,
       .who = "system",
       .action = "publish",
       .about = options.school.empty() ? "all" : options.school,
       .detail = detail,
       .hash = ""});
}

absl::Status Publish(const Options& options) {
  absl::Status status =
      LoadConfigOf(options.directory, options.school).status();
  if (!status.ok()) return status;
  const absl::Time now = platform::SystemClock().Now();
  const auto paper = PublishPaper(options.directory, options.file,
                                  RootFile(options), options.school, now);
  if (!paper.ok()) return paper.status();
  if (*paper) {
    status = BundleShelf(options.directory.Bundles()).NoteChange();
    if (status.ok()) {
      status =
          Note(options, absl::StrCat((*paper)->what, " ", (*paper)->id), now);
    }
    if (status.ok()) TellPaper(options, **paper);
    return status;
  }
  const auto published = PublishBundle(options, now);
  if (!published.ok()) return published.status();
  status = Note(options,
                absl::StrCat("version ", published->bundle.version, " ",
                             seal::ToHex(published->bundle.hash)),
                now);
  if (status.ok()) Tell(options, *published);
  return status;
}

}  // namespace

void AddPublish(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand(
      "publish",
      "Verify a signed rule bundle, lesson pass, emergency block, timestamp "
      "or rotated root, and offer it to devices");
  AddDataOption(*verb, &options->directory);
  verb->add_option("file", options->file, "The bundle, order or root file")
      ->required();
  verb->add_option("--school", options->school, "For this school only");
  verb->add_option("--root", options->root,
                   "The root file to verify by (default: the one stored by "
                   "setup --root)");
  CLI::Option* rings =
      verb->add_flag("--rings", options->rings,
                     "A bundle to one device first, then to one in twenty, "
                     "then to all");
  // Without it all devices would be offered the bundle at once.
  verb->add_option("--canary", options->canary,
                   "The first device (default: heard of last)")
      ->needs(rings);
  verb->add_option("--soak", options->soak, "Time in each ring")
      ->capture_default_str()
      ->check(CheckRingTime)
      ->needs(rings);
  verb->add_option("--trial", options->trial,
                   "Before the rings: devices judge by it and only count")
      ->capture_default_str()
      ->check(CheckRingTime)
      ->needs(rings);
  verb->add_option("--fallback", options->fallback,
                   "The old content as a higher version, signed: published "
                   "by itself when the release does harm")
      ->needs(rings);
  verb->add_flag("--json", options->json, "Print one JSON object");
  verb->callback([options, exit_code] {
    const absl::Status status = Publish(*options);
    if (!status.ok()) *exit_code = Complain(status);
  });
}

}  // namespace schoolgate::collector
