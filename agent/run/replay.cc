#include "agent/run/replay.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <span>
#include <string>

#include "agent/decide/episode_lines.h"
#include "agent/decide/episode_tracker.h"
#include "agent/decide/flow_witness.h"
#include "agent/labels/flow_labels.h"
#include "agent/labels/protocol_meaning.h"
#include "agent/observe/observer.h"
#include "agent/run/replay_line.h"
#include "agent/run/replay_verdict.h"
#include "platform/clock.h"
#include "platform/complaint.h"
#include "platform/packet_source.h"

namespace schoolgate::agent {
namespace {

constexpr char kProgram[] = "schoolgate-agent";
constexpr size_t kFlushBytes = 1 << 16;
constexpr size_t kPacketsAtOnce = 64;

// Writes names as they are seen, in blocks.
class LineWriter : public ObservationSink {
 public:
  LineWriter(const ReplayOptions& options, ReplayVerdicts verdicts,
             std::FILE* out)
      : options_(options),
        verdicts_(std::move(verdicts)),
        out_(out),
        episode_lines_(&lines_),
        episodes_({.by_source = true, .seal = {}}, episode_lines_) {
    episodes_.SetPages(PagesOf(verdicts_.rules()));
    person_.set_group(options.group);
  }

  // Flows are numbered anew in each capture.
  void BeginFile(const std::string& path, bool labelled) {
    if (labelled) witness_.emplace();
    json_.BeginFile(path);
  }

  void OnName(const Observation& seen) override {
    if (seen.source == NameSource::kFlow) return OnLabel(seen);
    const rules::Decision& verdict = verdicts_.Decide(seen.name, seen.time_us);
    if (options_.episodes) {
      last_us_ = std::max(last_us_, seen.time_us);
      episodes_.OnName(seen, verdict, v1::PROCESS_KIND_UNSPECIFIED, person_,
                       v1::PLACE_ONSITE);
      return;
    }
    if (witness_) witness_->OnName(seen, IsWellKnown(verdict));
    Write(seen, verdict);
  }

  void OnFlow(const FlowProgress& progress) override {
    if (witness_) (void)witness_->OnFlow(progress);
    if (!options_.episodes) return;
    last_us_ = std::max(last_us_, progress.time_us);
    episodes_.OnFlow(progress);
  }

  void EndFile() {
    if (options_.episodes) episodes_.Finish(last_us_);
    if (!witness_) return;
    for (size_t i = 0; i < kSigns; ++i) {
      signs_[i] += witness_->counters().signs[i];
    }
  }

  const std::array<uint64_t, kSigns>& signs() const { return signs_; }

  // False when the output cannot be written.
  bool Flush() {
    const size_t written = std::fwrite(lines_.data(), 1, lines_.size(), out_);
    ok_ = ok_ && written == lines_.size() && std::fflush(out_) == 0;
    lines_.clear();
    return ok_;
  }

 private:
  // A label is judged by the category that it stands for, if by any.
  void OnLabel(const Observation& seen) {
    const ProtocolMeaning meaning = MeaningOf(seen.protocol);
    (void)witness_->OnLabel(seen);
    Write(seen, meaning.category.empty()
                    ? rules::Decision()
                    : verdicts_.DecideCategory(meaning.category, seen.time_us));
  }

  void Write(const Observation& seen, const rules::Decision& verdict) {
    if (options_.episodes) return;
    if (!options_.all && verdict.action == rules::Action::kAllow) return;
    if (options_.json) {
      json_.Append(seen, verdict, &lines_);
    } else {
      AppendTextLine(seen, verdict, &lines_);
    }
    if (lines_.size() >= kFlushBytes) Flush();
  }

  const ReplayOptions& options_;
  ReplayVerdicts verdicts_;
  std::FILE* out_;
  JsonLines json_;
  std::string lines_;
  bool ok_ = true;
  EpisodeLines episode_lines_;
  EpisodeTracker episodes_;
  v1::Person person_;  // nobody in particular
  int64_t last_us_ = 0;
  std::optional<FlowWitness> witness_;  // where flows are labelled
  std::array<uint64_t, kSigns> signs_{};
};

void Add(const ObserverCounters& from, ObserverCounters* to) {
  to->packets += from.packets;
  to->bytes += from.bytes;
  to->flows += from.flows;
  to->undecodable += from.undecodable;
  to->name_bearing_flows += from.name_bearing_flows;
  to->refused_flows += from.refused_flows;
  to->lost_fragments += from.lost_fragments;
  to->lost_partials += from.lost_partials;
  to->oversized += from.oversized;
  to->malformed += from.malformed;
  to->doubtful += from.doubtful;
  to->untried_keys += from.untried_keys;
  to->unread_alpn += from.unread_alpn;
  to->cut_names += from.cut_names;
  to->unread_answers += from.unread_answers;
  to->long_fronts += from.long_fronts;
  to->long_ids += from.long_ids;
  to->out_of_memory += from.out_of_memory;
  for (size_t i = 0; i < kNameSources; ++i) to->names[i] += from.names[i];
  for (size_t i = 0; i < kBlindCauses; ++i) to->blind[i] += from.blind[i];
}

// `labels` may be null.
absl::Status ReplayFile(const std::string& path, LineWriter& writer,
                        FlowLabels* labels, ObserverCounters* total) {
  auto source = platform::OpenCaptureFile(path);
  if (!source.ok()) return source.status();
  writer.BeginFile(path, labels != nullptr);
  Observer observer(ObserverLimits(), writer);
  observer.SetTap(labels);
  std::array<platform::Packet, kPacketsAtOnce> packets;
  size_t count = 0;
  while ((*source)->NextSome(absl::ZeroDuration(), packets, &count) ==
         platform::NextResult::kPacket) {
    observer.OnPackets(std::span(packets).first(count));
  }
  observer.Finish();
  absl::Status labelled;
  if (labels != nullptr) labelled = labels->Finish();
  writer.EndFile();
  Add(observer.counters(), total);
  absl::Status status = (*source)->status();
  return status.ok() ? labelled : status;
}

// Null: not wanted, or `*status` says why it cannot be had.
std::unique_ptr<FlowLabels> StartLabels(const ReplayOptions& options,
                                        LineWriter& writer,
                                        absl::Status* status) {
  const bool useful =
      !options.episodes && (options.all || !options.rules.empty());
  if (options.dpi == "off" || (options.dpi == "auto" && !useful)) {
    return nullptr;
  }
  auto labels = std::make_unique<FlowLabels>(
      LabelOptions{.program = options.dpi_program.empty() ? DpiProgram()
                                                          : options.dpi_program,
                   .in_step = true},
      writer, platform::SystemClock());
  *status = labels->Start();
  if (!status->ok()) labels.reset();
  return labels;
}

void AddLabels(const FlowLabels& labels, ObserverCounters* total) {
  for (size_t i = 0; i < kBlindCauses; ++i) {
    total->blind[i] += static_cast<uint64_t>(labels.blind_change()[i]);
  }
}

std::string LabelWords(const LabelCounters& labels,
                       const std::array<uint64_t, kSigns>& signs) {
  std::string words = ", " + std::to_string(labels.labels) + " labels";
  if (labels.refused + labels.lost > 0) {
    words += " (" + std::to_string(labels.refused + labels.lost) + " lost)";
  }
  words += ", contradictions";
  for (size_t i = 0; i < kSigns; ++i) {
    words.append(" ").append(SignName(i)).append(" ");
    words += std::to_string(signs[i]);
  }
  return words;
}

void Summarise(const ObserverCounters& total, const std::string& labels,
               double seconds, std::FILE* err) {
  std::string line;
  const auto put = [&](std::string_view label, uint64_t value) {
    if (!line.empty()) line.append(", ");
    line.append(std::to_string(value)).append(" ").append(label);
  };
  put("packets", total.packets);
  put("bytes", total.bytes);
  put("flows", total.flows);
  put("names", total.all_names());
  std::string sources;
  for (size_t i = 0; i < kNameSources; ++i) {
    if (total.names[i] == 0) continue;
    sources.append(sources.empty() ? "" : " ")
        .append(SourceName(static_cast<NameSource>(i)))
        .append(" ")
        .append(std::to_string(total.names[i]));
  }
  if (!sources.empty()) line.append(" (" + sources + ")");
  put("undecodable", total.undecodable);
  put("malformed", total.malformed);
  put("doubtful", total.doubtful);
  const uint64_t lost =
      total.refused_flows + total.lost_partials + total.lost_fragments +
      total.oversized + total.untried_keys + total.unread_alpn +
      total.cut_names + total.unread_answers + total.long_fronts +
      total.long_ids + total.out_of_memory;
  put("beyond limits", lost);
  char share[80];
  const double of =
      static_cast<double>(std::max<uint64_t>(1, total.name_bearing_flows));
  std::snprintf(share, sizeof share, ", blindness %.2f %% of %llu flows",
                100.0 * static_cast<double>(total.blind_flows()) / of,
                static_cast<unsigned long long>(total.name_bearing_flows));
  line.append(share);
  std::string causes;
  for (size_t i = 1; i < kBlindCauses; ++i) {
    if (total.blind[i] == 0) continue;
    causes.append(causes.empty() ? "" : " ")
        .append(BlindName(static_cast<Blind>(i)))
        .append(" ")
        .append(std::to_string(total.blind[i]));
  }
  if (!causes.empty()) line.append(" (" + causes + ")");
  std::fprintf(err, "%s%s, %.3f seconds\n", line.c_str(), labels.c_str(),
               seconds);
}

}  // namespace

int Replay(const ReplayOptions& options, std::FILE* out, std::FILE* err) {
  auto verdicts =
      ReplayVerdicts::Open(options.rules, options.group, options.user);
  if (!verdicts.ok())
    return platform::Complain(kProgram, verdicts.status(), err);

  const absl::Duration begin = platform::SystemClock().SinceBoot();
  LineWriter writer(options, *std::move(verdicts), out);
  ObserverCounters total;
  int exit_code = platform::kExitOk;
  absl::Status labelled;
  const auto labels = StartLabels(options, writer, &labelled);
  if (!labelled.ok()) {
    platform::Complain(kProgram, labelled, err);
    if (options.dpi == "on") return platform::kExitFailed;
  }
  for (const std::string& path : options.captures) {
    const absl::Status status = ReplayFile(path, writer, labels.get(), &total);
    if (!status.ok()) exit_code = platform::Complain(kProgram, status, err);
    // Where standard output cannot be written, main says why.
    if (!writer.Flush()) return platform::kExitFailed;
  }
  const absl::Duration took = platform::SystemClock().SinceBoot() - begin;
  std::string words;
  if (labels != nullptr) {
    AddLabels(*labels, &total);
    words = LabelWords(labels->counters(), writer.signs());
  }
  Summarise(total, words, absl::ToDoubleSeconds(took), err);
  return exit_code;
}

void AddReplay(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<ReplayOptions>();
  CLI::App* replay = app.add_subcommand(
      "replay", "Run captures through the pipeline and print the names seen.");
  replay
      ->add_option("CAPTURE", options->captures,
                   "pcap or pcapng files; - is standard input")
      ->required();
  replay->add_option("--rules", options->rules, "rule bundle to decide with")
      ->option_text("BUNDLE");
  replay->add_option("--group", options->group, "group of the person")
      ->option_text("G");
  replay->add_option("--user", options->user, "log-in name of the person")
      ->option_text("U");
  replay->add_flag("--all", options->all, "every name, not only policy hits");
  replay->add_flag("--episodes", options->episodes,
                   "graded episodes as JSON lines, instead of names");
  replay
      ->add_option("--dpi", options->dpi,
                   "label flows by nDPI: on, off or auto (with --all or "
                   "--rules, unless --episodes)")
      ->option_text("WHEN")
      ->check(CLI::IsMember({"on", "off", "auto"}));
  replay->add_flag("--json", options->json, "one JSON object a line");
  replay->callback(
      [options, exit_code] { *exit_code = Replay(*options, stdout, stderr); });
}

}  // namespace schoolgate::agent
