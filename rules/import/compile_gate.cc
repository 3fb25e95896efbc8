#include "rules/import/compile_gate.h"

#include <libpsl.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "rules/bundle/host_name.h"
#include "rules/import/known_categories.h"
#include "rules/import/shipped_lists.h"

namespace schoolgate::rules {
namespace {

std::string_view WithoutComment(std::string_view line) {
  line = line.substr(0, line.find('#'));
  const absl::string_view bare =
      absl::StripAsciiWhitespace(absl::string_view(line.data(), line.size()));
  return {bare.data(), bare.size()};
}

absl::Status BadLine(const std::string& name, int line, std::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(
      name, ":", line, ": ", absl::string_view(why.data(), why.size())));
}

}  // namespace

struct CompileGate::SuffixList {
  const psl_ctx_t* psl = psl_builtin();

  bool Has(std::string_view host, int type) const {
    return psl_is_public_suffix2(psl, std::string(host).c_str(), type) != 0;
  }
};

std::string_view GateRefusalName(GateRefusal refusal) {
  switch (refusal) {
    case GateRefusal::kNone:
      return "none";
    case GateRefusal::kPublicSuffix:
      return "public suffix";
    case GateRefusal::kStopList:
      return "stop list";
    case GateRefusal::kPopular:
      return "widely used";
  }
  return "";
}

CompileGate::CompileGate() : suffixes_(std::make_unique<SuffixList>()) {}
CompileGate::~CompileGate() = default;

absl::StatusOr<std::unique_ptr<CompileGate>> CompileGate::Make() {
  std::unique_ptr<CompileGate> gate(new CompileGate);
  if (gate->suffixes_->psl == nullptr) {
    return absl::FailedPreconditionError(
        "public suffix list: libpsl was built without one: install a libpsl "
        "that has it");
  }
  if (auto status = gate->AddStopList(ShippedStopList(), "stop-list.txt");
      !status.ok()) {
    return status;
  }
  return gate;
}

absl::Status CompileGate::AddStopLine(std::string_view line, bool stop) {
  std::vector<std::string> words =
      absl::StrSplit(absl::string_view(line.data(), line.size()),
                     absl::ByAnyChar(" \t"), absl::SkipEmpty());
  Protection protection;
  protection.below = words[0].starts_with('.');
  protection.stop = stop;
  const auto host = HostName::Parse(
      std::string_view(words[0]).substr(protection.below ? 1 : 0));
  if (!host.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", words[0], "\" is no host: write a name"));
  }
  for (size_t i = 1; i < words.size(); ++i) {
    if (!words[i].starts_with("ok=")) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", words[i],
                       "\" is not understood: only ok=CATEGORY,... may "
                       "follow a host"));
    }
    for (const absl::string_view id : absl::StrSplit(
             absl::string_view(words[i]).substr(3), ',', absl::SkipEmpty())) {
      protection.ok.emplace(id);
    }
  }
  for (std::string_view above = ParentOf(host->text()); !above.empty();
       above = ParentOf(above)) {
    above_protected_.emplace(above);
  }
  auto& kept = protected_[std::string(host->text())];
  kept.below |= protection.below;
  kept.stop |= protection.stop;
  kept.ok.merge(protection.ok);
  return absl::OkStatus();
}

absl::Status CompileGate::AddStopList(std::string_view text,
                                      const std::string& name) {
  int number = 0;
  bool stop = true;
  for (const absl::string_view raw :
       absl::StrSplit(absl::string_view(text.data(), text.size()), '\n')) {
    ++number;
    const std::string_view line =
        WithoutComment(std::string_view(raw.data(), raw.size()));
    if (line.empty()) continue;
    if (line == "[stop]" || line == "[popular]") {
      stop = line == "[stop]";
      continue;
    }
    if (auto status = AddStopLine(line, stop); !status.ok()) {
      return BadLine(
          name, number,
          std::string_view(status.message().data(), status.message().size()));
    }
  }
  return absl::OkStatus();
}

absl::Status CompileGate::AddExceptions(std::string_view text,
                                        const std::string& name) {
  int number = 0;
  for (const absl::string_view raw :
       absl::StrSplit(absl::string_view(text.data(), text.size()), '\n')) {
    ++number;
    const std::string_view line =
        WithoutComment(std::string_view(raw.data(), raw.size()));
    if (line.empty()) continue;
    const size_t hash = raw.find('#');
    const absl::string_view reason =
        hash == absl::string_view::npos
            ? absl::string_view()
            : absl::StripAsciiWhitespace(raw.substr(hash + 1));
    const std::vector<std::string> words =
        absl::StrSplit(absl::string_view(line.data(), line.size()),
                       absl::ByAnyChar(" \t"), absl::SkipEmpty());
    if (words.size() != 2 || !IsCategoryId(words[0]) || reason.empty()) {
      return BadLine(name, number,
                     "an exception reads: CATEGORY HOST # REASON");
    }
    const auto host = HostName::Parse(words[1]);
    if (!host.has_value()) {
      return BadLine(name, number, "the host is none: write a name");
    }
    allowed_.emplace(words[0], std::string(host->text()));
    auto& exception = exceptions_.emplace_back();
    exception.set_category(words[0]);
    exception.set_host(std::string(host->text()));
    exception.set_reason(std::string(reason));
  }
  return absl::OkStatus();
}

const CompileGate::Protection* CompileGate::FindProtection(
    std::string_view host) const {
  const auto exact = protected_.find(host);
  if (exact != protected_.end()) return &exact->second;
  for (std::string_view at = ParentOf(host); !at.empty(); at = ParentOf(at)) {
    const auto above = protected_.find(at);
    if (above != protected_.end() && above->second.below) {
      return &above->second;
    }
  }
  return nullptr;
}

bool CompileGate::IsMeant(std::string_view host,
                          std::string_view category) const {
  const auto own = protected_.find(host);
  return (own != protected_.end() && own->second.ok.contains(category)) ||
         allowed_.contains({std::string(category), std::string(host)});
}

GateRefusal CompileGate::Check(std::string_view host,
                               std::string_view category) const {
  if (IsMeant(host, category)) return GateRefusal::kNone;
  const bool accusing = IsAccusing(category);
  // Of "com" or "co.uk" every category would break a part of the network. An
  // accusing one may not have a company's suffix either, nor a top level that
  // nobody knows; a name of the school's own network is one, too.
  const int type =
      accusing ? PSL_TYPE_ANY : PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE;
  if (!IsAddress(host) && suffixes_->Has(host, type)) {
    return GateRefusal::kPublicSuffix;
  }
  if (const Protection* protection = FindProtection(host)) {
    if (protection->ok.contains(category)) return GateRefusal::kNone;
    if (protection->stop && !IsHarmless(category)) {
      return GateRefusal::kStopList;
    }
    return accusing ? GateRefusal::kPopular : GateRefusal::kNone;
  }
  return accusing && above_protected_.contains(host) ? GateRefusal::kStopList
                                                     : GateRefusal::kNone;
}

bool CompileGate::ListsAlone(std::string_view host,
                             std::string_view category) const {
  // What an accusing one may list is excepted by name.
  return !IsAccusing(category) && !IsAddress(host) &&
         suffixes_->Has(host, PSL_TYPE_PRIVATE | PSL_TYPE_NO_STAR_RULE) &&
         !IsMeant(host, category);
}

}  // namespace schoolgate::rules
