#include "rules/trust/roles.h"

namespace schoolgate::rules {

std::string_view RoleName(v1::TrustRole role) {
  switch (role) {
    case v1::TRUST_ROLE_ROOT:
      return "root";
    case v1::TRUST_ROLE_RELEASE:
      return "release";
    case v1::TRUST_ROLE_LOCKED:
      return "locked";
    case v1::TRUST_ROLE_EMERGENCY:
      return "emergency";
    case v1::TRUST_ROLE_PASS:
      return "pass";
    case v1::TRUST_ROLE_TIMESTAMP:
      return "timestamp";
    default:
      return "unknown";
  }
}

std::optional<v1::TrustRole> RoleFromName(std::string_view name) {
  for (const v1::TrustRole role : kAllRoles) {
    if (RoleName(role) == name) return role;
  }
  return std::nullopt;
}

std::string_view OrganisationName(v1::Organisation organisation) {
  switch (organisation) {
    case v1::ORGANISATION_PROVIDER:
      return "provider";
    case v1::ORGANISATION_SCHOOL:
      return "school";
    case v1::ORGANISATION_AUTHORITY:
      return "authority";
    default:
      return "unknown";
  }
}

std::optional<v1::Organisation> OrganisationFromName(std::string_view name) {
  for (const v1::Organisation organisation : kAllOrganisations) {
    if (OrganisationName(organisation) == name) return organisation;
  }
  return std::nullopt;
}

}  // namespace schoolgate::rules
