#include "rules/trust/order_terms.h"

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "rules/bundle/host_name.h"
#include "rules/trust/refusal.h"

namespace schoolgate::rules {
namespace {

constexpr size_t kMaxOrderIdBytes = 64;
constexpr size_t kMaxReasonBytes = 500;

absl::Status Malformed(const std::string& what) {
  return Refuse(Refusal::kMalformed, what);
}

bool SamePerson(const std::string& a, const std::string& b) {
  return absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(a),
                                absl::StripAsciiWhitespace(b));
}

bool Signed(const Signers& signers, const std::string& name) {
  return std::any_of(
      signers.keys.begin(), signers.keys.end(),
      [&](const v1::TrustKey& key) { return SamePerson(key.name(), name); });
}

absl::Status CheckHosts(
    const char* what,
    const google::protobuf::RepeatedPtrField<std::string>& hosts) {
  if (hosts.size() > kMaxOrderHosts) {
    return Malformed(absl::StrCat(what, ": names too many hosts"));
  }
  for (const std::string& text : hosts) {
    const auto host = HostName::Parse(text);
    if (!host || host->text() != text ||
        (host->is_single_label() && !host->is_address())) {
      return Malformed(
          absl::StrCat(what, ": names something that is no whole host"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckWords(const char* what, const std::string& id,
                        const std::string& reason) {
  if (id.empty() || id.size() > kMaxOrderIdBytes) {
    return Malformed(absl::StrCat(what, ": has no proper id"));
  }
  if (absl::StripAsciiWhitespace(reason).empty() ||
      reason.size() > kMaxReasonBytes) {
    return Malformed(absl::StrCat(what, ": gives no reason: add one"));
  }
  return absl::OkStatus();
}

absl::Status CheckSchool(const char* what, const std::string& id,
                         const TrustRoot& root) {
  if (id == root.id()) return absl::OkStatus();
  return Refuse(Refusal::kWrongSchool,
                absl::StrCat(what, ": is for another school"));
}

absl::Status CheckApprover(const v1::LessonPass& pass, const Signers& signers) {
  if (Signed(signers, pass.approver())) return absl::OkStatus();
  return Refuse(Refusal::kApproverNotSigner,
                "lesson pass: its approver did not sign it");
}

absl::Status CheckPassable(const v1::LessonPass& pass,
                           const OrderGround& ground) {
  for (const std::string& host : pass.hosts()) {
    for (const std::string& id : ground.categories(host)) {
      const int category = ground.tables.Category(id);
      const bool passable = category >= 0 &&
                            (ground.tables.passable() >> category & 1) != 0 &&
                            (ground.tables.locked() >> category & 1) == 0;
      if (passable && !IsAlwaysLocked(id)) continue;
      // A locked host is not repeated in any message.
      return Refuse(Refusal::kNotPassable,
                    absl::StrCat("lesson pass: names a host of the category ",
                                 id, ", which no pass may open"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckPassTimes(const v1::LessonPass& pass) {
  const int64_t longest = absl::ToInt64Seconds(kLongestPass);
  if (pass.start_unix_s() <= 0 || pass.end_unix_s() <= pass.start_unix_s() ||
      pass.end_unix_s() - pass.start_unix_s() > longest) {
    return Refuse(Refusal::kNoTimeLimit,
                  absl::StrCat("lesson pass: must end after its start and "
                               "within ",
                               longest / 3600, " hours of it"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckPassTerms(const v1::PassOrder& order, const Signers& signers,
                            const OrderGround& ground) {
  constexpr char kWhat[] = "lesson pass";
  const v1::LessonPass& pass = order.pass();
  absl::Status status = CheckSchool(kWhat, order.id(), ground.root);
  if (status.ok()) status = CheckWords(kWhat, pass.id(), pass.reason());
  if (!status.ok()) return status;
  // Ending a pass early tightens: whoever may give one may do it.
  if (order.withdraw()) return CheckApprover(pass, signers);
  status = CheckHosts(kWhat, pass.hosts());
  if (status.ok()) status = CheckPassTimes(pass);
  if (!status.ok()) return status;
  if (pass.hosts().empty()) {
    return Malformed("lesson pass: names no host");
  }
  if (pass.devices().empty() && pass.groups().empty() && pass.users().empty()) {
    return Refuse(Refusal::kNamesNobody,
                  "lesson pass: must name devices, groups or users");
  }
  if (absl::StripAsciiWhitespace(pass.requester()).empty() ||
      absl::StripAsciiWhitespace(pass.approver()).empty() ||
      SamePerson(pass.requester(), pass.approver())) {
    return Refuse(Refusal::kSelfApproved,
                  "lesson pass: needs a requester and another person who "
                  "approves it");
  }
  status = CheckApprover(pass, signers);
  if (!status.ok()) return status;
  return CheckPassable(pass, ground);
}

absl::Status CheckBlockTerms(const v1::EmergencyOrder& order,
                             const Signers& signers,
                             const OrderGround& ground) {
  constexpr char kWhat[] = "emergency block";
  const v1::EmergencyBlock& block = order.block();
  absl::Status status = CheckSchool(kWhat, order.id(), ground.root);
  if (status.ok()) status = CheckWords(kWhat, block.id(), block.reason());
  if (status.ok()) status = CheckHosts(kWhat, block.hosts());
  if (!status.ok()) return status;
  if (!Signed(signers, block.by())) {
    return Refuse(Refusal::kApproverNotSigner,
                  "emergency block: who orders it did not sign it");
  }
  if (order.withdraw()) return absl::OkStatus();
  if (block.hosts().empty() && block.categories().empty()) {
    return Malformed("emergency block: names no host and no category");
  }
  if (block.issued_unix_s() <= 0) {
    return Refuse(Refusal::kNoTimeLimit,
                  "emergency block: does not say when it was issued");
  }
  return absl::OkStatus();
}

}  // namespace schoolgate::rules
