// import: from a public list to a file of the list folder.
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "platform/complaint.h"
#include "rules/cli/json_line.h"
#include "rules/cli/verbs.h"
#include "rules/import/import_list.h"
#include "rules/import/known_categories.h"

namespace schoolgate::rules {
namespace {

void PrintJson(const ImportOrder& order, const ImportReport& report) {
  const nlohmann::json line = {{"list", order.path},
                               {"format", order.format},
                               {"category", order.category},
                               {"output", order.output},
                               {"lines", report.lines},
                               {"hosts", report.hosts},
                               {"duplicates", report.duplicates},
                               {"wildcards", report.wildcards},
                               {"addresses", report.addresses},
                               {"other", report.other},
                               {"other_examples", report.other_examples},
                               {"excepted", report.excepted},
                               {"broken", report.broken},
                               {"broken_examples", report.broken_examples}};
  std::printf("%s\n", JsonLine(line).c_str());
}

void PrintCount(uint64_t count, const char* what,
                const std::vector<std::string>& examples) {
  if (count == 0) return;
  std::printf("  %llu %s\n", static_cast<unsigned long long>(count), what);
  for (const std::string& example : examples) {
    std::printf("    %s\n", example.c_str());
  }
}

void PrintText(const ImportOrder& order, const ImportReport& report) {
  std::printf("%s: %llu hosts of %llu lines\n", order.output.c_str(),
              static_cast<unsigned long long>(report.hosts),
              static_cast<unsigned long long>(report.lines));
  PrintCount(report.duplicates, "duplicates", {});
  PrintCount(report.wildcards, "wildcards, taken with the name itself", {});
  PrintCount(report.addresses, "addresses", {});
  PrintCount(report.other, "rules that do not list a whole host",
             report.other_examples);
  PrintCount(report.excepted, "hosts that the list itself takes out again", {});
  PrintCount(report.broken, "broken lines", report.broken_examples);
}

// Its description is what the help and completion show.
CLI::Validator IsListFormat() {
  return CLI::Validator(
      [](std::string& word) {
        return !ListFormatName(word).empty()
                   ? ""
                   : word +
                         " is no list format: use ut1, plain, hosts, adblock, "
                         "rpz or csv";
      },
      "{ut1,plain,hosts,adblock,rpz,csv}");
}

}  // namespace

void AddImport(CLI::App& app, int* exit_code) {
  auto order = std::make_shared<ImportOrder>();
  auto json = std::make_shared<bool>(false);
  CLI::App* verb = app.add_subcommand(
      "import", "Turn a public list into a file of the list folder.");
  verb->add_option("format", order->format,
                   "How it is written; plain is a host a line")
      ->required()
      ->check(IsListFormat());
  verb->add_option("path", order->path, "The list; may be gzip or zstd")
      ->required();
  verb->add_option("--category", order->category, "Our category id")
      ->required()
      ->check([](const std::string& word) {
        return IsCategoryId(word)
                   ? ""
                   : word + " is no category id: use a-z, 0-9, - and _";
      });
  verb->add_option("--from", order->wanted,
                   "The list's own name of the category (ut1, csv)");
  verb->add_option("--source", order->source, "Where the list comes from");
  verb->add_option("--licence", order->licence, "The list's licence");
  verb->add_option("-o,--output", order->output,
                   "The file to write; CATEGORY.txt when not given");
  verb->add_flag("--json", *json, "One JSON object");
  verb->callback([order, json, exit_code] {
    order->format = ListFormatName(order->format);
    if (order->output.empty()) order->output = order->category + ".txt";
    const auto report = ImportList(*order);
    if (!report.ok()) {
      *exit_code = platform::Complain("schoolgate-rules", report.status());
    } else if (*json) {
      PrintJson(*order, *report);
    } else {
      PrintText(*order, *report);
    }
  });
}

}  // namespace schoolgate::rules
