#include "rules/trust/example/example_school.h"

#include <fstream>
#include <iterator>
#include <set>

#include "platform/check.h"
#include "rules/bundle/bundle_index.h"
#include "rules/bundle/listed_alone.h"
#include "rules/bundle/little_endian.h"
#include "rules/trust/bundle_check.h"
#include "rules/trust/trust_root.h"

namespace schoolgate::rules {
namespace {

struct HolderFacts {
  Holder holder;
  const char* name;
  v1::Organisation organisation;
};

constexpr HolderFacts kHolders[] = {
    {Holder::kProviderAda, "Ada", v1::ORGANISATION_PROVIDER},
    {Holder::kProviderBen, "Ben", v1::ORGANISATION_PROVIDER},
    {Holder::kSchoolHead, "Head", v1::ORGANISATION_SCHOOL},
    {Holder::kSchoolLead, "Safety lead", v1::ORGANISATION_SCHOOL},
    {Holder::kGovernor, "Governor", v1::ORGANISATION_SCHOOL},
    {Holder::kPolice, "Police", v1::ORGANISATION_AUTHORITY},
    {Holder::kDutyDesk, "Duty desk", v1::ORGANISATION_PROVIDER},
    {Holder::kDeputy, "Deputy", v1::ORGANISATION_SCHOOL},
    {Holder::kTeacher, "Teacher", v1::ORGANISATION_SCHOOL},
    {Holder::kServer, "Server", v1::ORGANISATION_PROVIDER},
    {Holder::kStranger, "Stranger", v1::ORGANISATION_SCHOOL},
};

const HolderFacts& FactsOf(Holder holder) {
  for (const HolderFacts& facts : kHolders) {
    if (facts.holder == holder) return facts;
  }
  SG_CHECK(false);
}

void Grant(v1::TrustRoot* root, v1::TrustRole role, uint32_t threshold,
           const std::vector<Holder>& holders) {
  v1::RoleGrant* grant = root->add_roles();
  grant->set_role(role);
  grant->set_threshold(threshold);
  for (const Holder holder : holders) {
    grant->add_key_ids(KeyOf(holder).key_id());
  }
}

void AddCategory(v1::CompiledPolicy* policy, const char* id, bool passable) {
  v1::PolicyCategory* category = policy->add_categories();
  category->set_id(id);
  category->set_tier(v1::TIER_ROUTINE);
  category->set_passable(passable);
}

void AddGroup(v1::CompiledPolicy* policy, const char* id, int parent,
              v1::Action otherwise) {
  v1::PolicyGroup* group = policy->add_groups();
  group->set_id(id);
  group->set_parent(parent);
  group->set_default_action(otherwise);
  group->set_default_clause(-1);
}

v1::PolicyRule* AddRow(v1::CompiledPolicy* policy, const char* id,
                       const std::vector<uint32_t>& groups,
                       const std::vector<uint32_t>& categories,
                       v1::Action action) {
  v1::PolicyRule* rule = policy->add_matrix();
  rule->set_id(id);
  rule->set_origin(v1::RULE_ORIGIN_SCHOOL);
  for (const uint32_t group : groups) rule->add_groups(group);
  for (const uint32_t category : categories) rule->add_categories(category);
  rule->set_action(action);
  rule->set_clause(-1);
  return rule;
}

// Lunch, in term or not: 12:00 to 13:00, Monday to Friday.
void AddLunch(v1::CompiledPolicy* policy) {
  v1::PolicySchedule* lunch = policy->add_schedules();
  lunch->set_id("lunch");
  v1::PolicyWindow* window = lunch->add_windows();
  window->set_days(31);
  window->set_from_minute(12 * 60);
  window->set_to_minute(13 * 60);
  policy->mutable_calendar()->set_time_zone("Europe/London");
  policy->mutable_calendar()->add_offsets()->set_from_unix_s(0);
}

}  // namespace

SigningKey KeyOf(Holder holder) {
  return SigningKey::FromSeed(
      Hash256(std::string("example ") + FactsOf(holder).name));
}

v1::TrustKey PublicKeyOf(Holder holder) {
  v1::TrustKey key;
  key.set_public_key(KeyOf(holder).public_key());
  key.set_organisation(FactsOf(holder).organisation);
  key.set_name(FactsOf(holder).name);
  return key;
}

absl::Time ExampleTime() { return absl::FromUnixSeconds(1795165200); }

v1::TrustRoot ExampleRoot() {
  v1::TrustRoot root;
  root.set_id("example-primary");
  root.set_version(1);
  root.set_issued_unix_s(absl::ToUnixSeconds(ExampleTime()));
  root.set_version_jump(100);
  for (const HolderFacts& facts : kHolders) {
    if (facts.holder == Holder::kStranger) continue;
    *root.add_keys() = PublicKeyOf(facts.holder);
  }
  Grant(&root, v1::TRUST_ROLE_ROOT, 3,
        {Holder::kProviderAda, Holder::kProviderBen, Holder::kSchoolHead,
         Holder::kSchoolLead, Holder::kGovernor});
  Grant(&root, v1::TRUST_ROLE_RELEASE, 2,
        {Holder::kProviderAda, Holder::kProviderBen, Holder::kSchoolHead,
         Holder::kSchoolLead});
  Grant(&root, v1::TRUST_ROLE_LOCKED, 1, {Holder::kPolice});
  Grant(&root, v1::TRUST_ROLE_EMERGENCY, 1,
        {Holder::kDutyDesk, Holder::kDeputy});
  Grant(&root, v1::TRUST_ROLE_PASS, 1, {Holder::kDeputy, Holder::kTeacher});
  Grant(&root, v1::TRUST_ROLE_TIMESTAMP, 1, {Holder::kServer});
  return root;
}

v1::SignedRoot SignRoot(const v1::TrustRoot& root,
                        const std::vector<Holder>& signers) {
  v1::SignedRoot made;
  made.set_root(root.SerializeAsString());
  for (const Holder holder : signers) {
    *made.add_signatures() = KeyOf(holder).Sign(kRootContext, made.root());
  }
  return made;
}

std::string ExampleRootFile() {
  v1::RootChain chain;
  *chain.add_roots() = SignRoot(
      ExampleRoot(),
      {Holder::kProviderAda, Holder::kSchoolHead, Holder::kSchoolLead});
  return RootFileText(chain);
}

v1::CompiledPolicy ExamplePolicy() {
  v1::CompiledPolicy policy;
  policy.set_id("example-primary");
  policy.set_title("Example Primary");
  policy.set_mode("enforce");
  AddCategory(&policy, "child-abuse", false);  // 0
  policy.mutable_categories(0)->set_locked(true);
  policy.mutable_categories(0)->set_tier(v1::TIER_ILLEGAL);
  AddCategory(&policy, "adult", false);      // 1
  AddCategory(&policy, "gambling", false);   // 2
  AddCategory(&policy, "games", true);       // 3
  AddCategory(&policy, "social", true);      // 4
  AddCategory(&policy, "education", false);  // 5
  AddCategory(&policy, "helpline", false);   // 6
  policy.mutable_categories(6)->set_never_log(true);
  AddGroup(&policy, "staff", -1, v1::ACTION_ALLOW);   // 0
  AddGroup(&policy, "pupils", -1, v1::ACTION_ALLOW);  // 1
  AddGroup(&policy, "ks1", 1, v1::ACTION_BLOCK);      // 2
  policy.mutable_groups(2)->set_allow_list_only(true);
  AddGroup(&policy, "unknown", -1, v1::ACTION_BLOCK);  // 3
  policy.mutable_groups(3)->set_strictest(true);
  AddLunch(&policy);
  AddRow(&policy, "illegal", {0, 1, 2, 3}, {0}, v1::ACTION_BLOCK);
  AddRow(&policy, "adult", {0, 1, 2, 3}, {1, 2}, v1::ACTION_BLOCK);
  AddRow(&policy, "games-pupils", {1}, {3}, v1::ACTION_BLOCK);
  v1::PolicyRule* social =
      AddRow(&policy, "social-staff", {0}, {4}, v1::ACTION_WARN);
  v1::PolicyException* lunch = social->add_exceptions();
  lunch->set_schedule_plus_1(1);
  lunch->set_action(v1::ACTION_ALLOW);
  lunch->set_clause(-1);
  AddRow(&policy, "social-pupils", {1}, {4}, v1::ACTION_BLOCK);
  AddRow(&policy, "education", {2}, {5}, v1::ACTION_ALLOW);
  v1::PolicyRule* host = policy.add_host_rules();
  host->set_id("own-site");
  host->set_origin(v1::RULE_ORIGIN_SCHOOL);
  host->add_hosts("example-primary.test");
  for (const uint32_t group : {0, 1, 2, 3}) host->add_groups(group);
  host->set_action(v1::ACTION_ALLOW);
  host->set_clause(-1);
  policy.add_never_log_hosts("helpline.test");
  return policy;
}

ExampleHosts ExampleLists() {
  return {
      {"abuse.test", {"child-abuse"}},  {"adult.test", {"adult"}},
      {"casino.test", {"gambling"}},    {"games.test", {"games"}},
      {"social.test", {"social"}},      {"learn.test", {"education"}},
      {"childline.test", {"helpline"}}, {"chat.games.test", {"social"}},
  };
}

std::string WriteExample(const std::string& path, const ExampleBundle& bundle) {
  std::set<std::string> ids;
  for (const auto& category : bundle.policy.categories()) {
    ids.insert(category.id());
  }
  for (const auto& [host, listed] : bundle.hosts) {
    ids.insert(listed.begin(), listed.end());
  }
  const std::vector<std::string> categories(ids.begin(), ids.end());
  std::vector<IndexEntry> entries;
  for (const auto& [host, listed] : bundle.hosts) {
    IndexEntry entry{host, {}};
    for (const std::string& id : listed) {
      entry.set.Add(static_cast<int>(std::distance(ids.begin(), ids.find(id))));
    }
    entries.push_back(entry);
  }
  const auto index = BuildIndex(categories, entries, nullptr);
  SG_CHECK(index.ok());
  const std::string policy = bundle.policy.SerializeAsString();
  v1::BundleLists provenance;
  for (const auto& [category, host] : bundle.alone) {
    v1::GateException* one = provenance.add_exceptions();
    one->set_category(category);
    one->set_host(kAloneMark + host);
  }
  const std::string lists = provenance.SerializeAsString();
  std::vector<SectionBytes> sections = {{"policy", AsBytes(policy)},
                                        {"lists", AsBytes(lists)}};
  AppendIndexSections(*index, &sections);
  v1::BundleManifest manifest;
  manifest.set_id(bundle.id);
  manifest.set_version(bundle.version);
  manifest.set_issued_unix_s(absl::ToUnixSeconds(bundle.issued));
  manifest.set_expires_unix_s(absl::ToUnixSeconds(bundle.expires));
  const std::string bytes = LayOutManifest(manifest, sections);
  v1::BundleSignatures signatures;
  for (const Holder holder : bundle.release) {
    AddSignature(KeyOf(holder), v1::TRUST_ROLE_RELEASE, bytes, &signatures);
  }
  for (const Holder holder : bundle.locked) {
    AddSignature(KeyOf(holder), v1::TRUST_ROLE_LOCKED, bytes, &signatures);
  }
  SG_CHECK(WriteBundle(path, manifest, signatures, sections).ok());
  return ReadBytes(path);
}

std::string ReadBytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void WriteBytes(const std::string& path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace schoolgate::rules
