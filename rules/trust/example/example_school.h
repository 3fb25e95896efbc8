// A school with keys, a root and a way to make bundles. For tests: the keys
// come from fixed seeds.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "proto/bundle.pb.h"
#include "proto/policy.pb.h"
#include "proto/trust.pb.h"
#include "rules/trust/signature.h"

namespace schoolgate::rules {

// Keys of the example, by whose they are.
enum class Holder {
  kProviderAda,
  kProviderBen,
  kSchoolHead,
  kSchoolLead,
  kGovernor,  // school, root only
  kPolice,    // authority: locked list
  kDutyDesk,  // provider: emergency
  kDeputy,    // school: emergency and passes
  kTeacher,   // school: passes
  kServer,    // provider: timestamps
  kStranger,  // in no root
};

SigningKey KeyOf(Holder holder);
v1::TrustKey PublicKeyOf(Holder holder);

// 2026-11-20 09:00 UTC: when the example's bundles are issued.
absl::Time ExampleTime();

// Root version 1 of "example-primary": root 3 of {Ada, Ben, Head, Lead,
// Governor}, release 2 of {Ada, Ben, Head, Lead}, locked 1 of {Police},
// emergency 1 of {Duty desk, Deputy}, pass 1 of {Deputy, Teacher},
// timestamp 1 of {Server}.
v1::TrustRoot ExampleRoot();
v1::SignedRoot SignRoot(const v1::TrustRoot& root,
                        const std::vector<Holder>& signers);
// ExampleRoot signed by Ada, Head and Lead, as a file.
std::string ExampleRootFile();

// A policy with groups staff, pupils, ks1 and unknown, and categories
// child-abuse (locked), adult, gambling, games, social, education, helpline.
v1::CompiledPolicy ExamplePolicy();
// Host -> categories.
using ExampleHosts = std::map<std::string, std::vector<std::string>>;
ExampleHosts ExampleLists();

struct ExampleBundle {
  std::string id = "example-primary";
  uint64_t version = 10;
  absl::Time issued = ExampleTime();
  absl::Time expires = ExampleTime() + absl::Hours(24 * 90);
  v1::CompiledPolicy policy = ExamplePolicy();
  ExampleHosts hosts = ExampleLists();
  std::vector<Holder> release = {Holder::kProviderAda, Holder::kSchoolHead};
  std::vector<Holder> locked = {};
  // Category and host of what is listed without the names below it.
  std::vector<std::pair<std::string, std::string>> alone = {};
};

// Writes the bundle, signed, and returns its bytes.
std::string WriteExample(const std::string& path, const ExampleBundle& bundle);

std::string ReadBytes(const std::string& path);
void WriteBytes(const std::string& path, std::string_view bytes);

}  // namespace schoolgate::rules
