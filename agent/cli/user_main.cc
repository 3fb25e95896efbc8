// schoolgate: what everybody on a monitored device may ask and say.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "agent/cli/notify.h"
#include "agent/cli/words.h"
#include "platform/complaint.h"
#include "platform/local_socket.h"
#include "platform/standard_streams.h"
#include "platform/usage.h"

namespace {

using schoolgate::platform::Complain;
using schoolgate::platform::kExitOk;

constexpr char kProgram[] = "schoolgate";

struct Options {
  std::string socket = "/var/lib/schoolgate/agent.sock";
  bool json = false;
  bool accept = false;
  bool at_login = false;
  std::string host;
  std::string kind;
  std::string words;
  std::string group;
};

absl::StatusOr<nlohmann::json> Ask(const Options& options,
                                   const nlohmann::json& question) {
  const auto reply = schoolgate::platform::AskLocal(
      options.socket,
      question.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  if (!reply.ok()) return reply.status();
  nlohmann::json json = nlohmann::json::parse(*reply, nullptr, false);
  if (!json.is_object()) {
    return absl::DataLossError(
        "agent: its answer cannot be read: update both to one version");
  }
  if (const auto error = json.find("error");
      error != json.end() && error->is_string()) {
    return absl::FailedPreconditionError(error->get<std::string>());
  }
  return json;
}

template <typename InWords>
int Show(const Options& options, const nlohmann::json& question,
         InWords in_words) {
  const auto answer = Ask(options, question);
  if (!answer.ok()) return Complain(kProgram, answer.status());
  const std::string text =
      options.json ? answer->dump() + "\n" : in_words(*answer);
  std::fputs(text.c_str(), stdout);
  return kExitOk;
}

// Until the session ends.
int Notify(const Options& options) {
  auto desktop = schoolgate::platform::OpenDesktopNotifier();
  if (absl::IsAlreadyExists(desktop.status())) return kExitOk;
  if (!desktop.ok()) return Complain(kProgram, desktop.status());
  schoolgate::agent::NotifyLoop loop(
      [&](const nlohmann::json& question) { return Ask(options, question); },
      **desktop);
  while (true) {
    const absl::Status status = loop.Turn();
    if (!status.ok()) return Complain(kProgram, status);
  }
}

// The school's notice. At log-in only while it is not accepted; accepted by
// Return, so that a window or terminal shows it until somebody has read it.
int Notice(const Options& options) {
  auto answer = Ask(options, {{"ask", "notice"}});
  if (!answer.ok()) {
    // No log-in is held up because the agent is away.
    return options.at_login ? kExitOk : Complain(kProgram, answer.status());
  }
  const bool accepted = answer->value("accepted", false);
  if (options.at_login && accepted) return kExitOk;
  bool accept = options.accept;
  if (!options.json || options.at_login) {
    std::fputs(schoolgate::agent::SchoolNoticeInWords(*answer).c_str(), stdout);
  }
  if (options.at_login) {
    std::fputs("Press Return when you have read it. ", stdout);
    std::fflush(stdout);
    accept = std::getchar() == '\n';
    std::fputs("\n", stdout);
  }
  if (accept && !accepted) {
    const auto taken =
        Ask(options, {{"ask", "accept"},
                      {"version", answer->value("version", std::string())}});
    if (!taken.ok()) return Complain(kProgram, taken.status());
    (*answer)["accepted"] = true;
  }
  if (options.json && !options.at_login) {
    std::printf("%s\n", answer->dump().c_str());
  }
  return kExitOk;
}

int Preview(const Options& options) {
  using schoolgate::agent::PreviewInWords;
  const nlohmann::json question = {{"ask", "preview"},
                                   {"group", options.group}};
  if (options.words.empty()) return Show(options, question, PreviewInWords);
  const auto answer = Ask(options, question);
  if (!answer.ok()) return Complain(kProgram, answer.status());
  const auto request = schoolgate::agent::RequestFrom(*answer, options.words);
  if (request.host.empty()) {
    std::fputs(PreviewInWords(*answer).c_str(), stdout);
    return Complain(kProgram,
                    absl::FailedPreconditionError(
                        "preview: there is nothing that a lesson pass could "
                        "open: nothing was sent"));
  }
  return Show(
      options,
      {{"ask", "report"},
       {"kind", "wrong"},
       {"host", request.host},
       {"words", request.words}},
      [](const nlohmann::json&) {
        return std::string("The school has been asked for a lesson pass.\n");
      });
}

void AddRules(CLI::App& app, Options& options, int* exit_code) {
  app.add_subcommand("rules", "All rules that hold for you, also offline")
      ->callback([&options, exit_code] {
        *exit_code =
            Show(options, {{"ask", "rules"}}, schoolgate::agent::RulesInWords);
      });
}

void AddPreview(CLI::App& app, Options& options, int* exit_code) {
  CLI::App* preview = app.add_subcommand(
      "preview",
      "Which hosts of the site that you just opened a class would miss");
  preview->add_option("GROUP", options.group, "The class's group, e.g. ks2")
      ->required();
  preview->add_option("--ask", options.words,
                      "Ask the school for a lesson pass, with what the lesson "
                      "needs it for");
  preview->callback([&options, exit_code] { *exit_code = Preview(options); });
}

}  // namespace

int main(int argc, char** argv) {
  using schoolgate::agent::StatusInWords;
  using schoolgate::agent::WhyInWords;
  schoolgate::platform::HoldStandardStreams();
  Options options;
  int exit_code = kExitOk;
  CLI::App app("What Schoolgate does on this device, and your say in it.",
               kProgram);
  app.set_version_flag("--version", "schoolgate " SCHOOLGATE_VERSION);
  app.add_option("--socket", options.socket, "Where the agent answers")
      ->envname("SCHOOLGATE_SOCKET");
  app.add_flag("--json", options.json, "Print the answer as JSON");
  app.require_subcommand(1);
  app.fallthrough();
  app.add_subcommand("status", "Whether it is on, and what it reports")
      ->callback([&] {
        exit_code = Show(options, {{"ask", "status"}}, StatusInWords);
      });
  app.add_subcommand("record", "What left this device about you")
      ->callback([&] {
        exit_code = Show(options, {{"ask", "record"}},
                         schoolgate::agent::RecordInWords);
      });
  AddRules(app, options, &exit_code);
  CLI::App* notice =
      app.add_subcommand("notice", "The school's notice about monitoring");
  notice->add_flag("--accept", options.accept, "Say that you have read it");
  notice->add_flag("--at-login", options.at_login,
                   "Only while it is not accepted, and ask");
  notice->callback([&] { exit_code = Notice(options); });
  CLI::App* why =
      app.add_subcommand("why", "Why a host is blocked or open for you");
  why->add_option("HOST", options.host)->required();
  why->callback([&] {
    exit_code =
        Show(options, {{"ask", "why"}, {"host", options.host}}, WhyInWords);
  });
  AddPreview(app, options, &exit_code);
  CLI::App* report = app.add_subcommand(
      "report",
      "Say that you landed somewhere by accident (accident), that a "
      "host should be open (wrong), or that one should be blocked "
      "(missed)");
  report->add_option("KIND", options.kind)
      ->required()
      ->check(CLI::IsMember({"accident", "wrong", "missed"}));
  report->add_option("HOST", options.host)->required();
  report->add_option("WORDS", options.words, "In your own words");
  report->callback([&] {
    exit_code = Show(options,
                     {{"ask", "report"},
                      {"kind", options.kind},
                      {"host", options.host},
                      {"words", options.words}},
                     [](const nlohmann::json&) {
                       return std::string(
                           "Thank you. The school has been told that you said "
                           "so.\n");
                     });
  });
  app.add_subcommand("notify",
                     "Show notices in this desktop session until it ends")
      ->callback([&] { exit_code = Notify(options); });
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = schoolgate::platform::ExitFromParse(app, error, argc, argv);
  }
  return schoolgate::platform::SendOffOutput(kProgram, exit_code);
}
