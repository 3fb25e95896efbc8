// The words for roles and organisations, on the command line and in messages.
#pragma once

#include <optional>
#include <string_view>

#include "proto/trust.pb.h"

namespace schoolgate::rules {

// "root", "release", "locked", "emergency", "pass", "timestamp".
std::string_view RoleName(v1::TrustRole role);
std::optional<v1::TrustRole> RoleFromName(std::string_view name);

// "provider", "school", "authority".
std::string_view OrganisationName(v1::Organisation organisation);
std::optional<v1::Organisation> OrganisationFromName(std::string_view name);

inline constexpr v1::TrustRole kAllRoles[] = {
    v1::TRUST_ROLE_ROOT,      v1::TRUST_ROLE_RELEASE, v1::TRUST_ROLE_LOCKED,
    v1::TRUST_ROLE_EMERGENCY, v1::TRUST_ROLE_PASS,    v1::TRUST_ROLE_TIMESTAMP};

inline constexpr v1::Organisation kAllOrganisations[] = {
    v1::ORGANISATION_PROVIDER, v1::ORGANISATION_SCHOOL,
    v1::ORGANISATION_AUTHORITY};

}  // namespace schoolgate::rules
