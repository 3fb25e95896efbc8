#include "rules/trust/known_answers.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"

namespace schoolgate::rules {
namespace {

constexpr std::string_view kNeverListed[] = {
    "com", "net", "org", "uk", "co.uk", "never-listed.check.schoolgate.test"};

std::string TestHost(const std::string& category) {
  return category + ".check.schoolgate.test";
}

absl::Status Wrong(std::string_view host, std::string_view what) {
  return absl::FailedPreconditionError(absl::StrCat(
      "self-test: ", absl::string_view(host.data(), host.size()), " ",
      absl::string_view(what.data(), what.size()), ": build the rules again"));
}

absl::Status AskTestHosts(const CategoryIndex& index) {
  const auto& ids = index.categories();
  const auto answer = [&](const std::string& id) {
    const auto host = HostName::Parse(TestHost(id));
    return host ? index.Categories(*host) : CategorySet();
  };
  const bool has_test_hosts =
      std::any_of(ids.begin(), ids.end(),
                  [&](const std::string& id) { return !answer(id).empty(); });
  if (!has_test_hosts) return absl::OkStatus();
  for (size_t i = 0; i < ids.size(); ++i) {
    CategorySet wanted;
    wanted.Add(static_cast<int>(i));
    if (answer(ids[i]) == wanted) continue;
    return Wrong(TestHost(ids[i]), "is not in its category alone");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status AskKnown(const CategoryIndex& index,
                      const v1::BundleLists& lists) {
  if (auto status = AskTestHosts(index); !status.ok()) return status;
  const auto& exceptions = lists.exceptions();
  for (const std::string_view name : kNeverListed) {
    const bool is_excepted = std::any_of(
        exceptions.begin(), exceptions.end(),
        [&](const v1::GateException& one) { return one.host() == name; });
    const auto host = HostName::Parse(name);
    if (is_excepted || index.Categories(*host).empty()) continue;
    return Wrong(name, "is listed");
  }
  return absl::OkStatus();
}

}  // namespace schoolgate::rules
