// Which service a host name belongs to, so that all hosts of one site make
// one episode. Grouping only: it never decides whether a name is listed.
#pragma once

#include <string_view>

namespace schoolgate::agent {

// "static.xx.fbcdn.net" -> "facebook.com"; "img.shop.co.uk" -> "shop.co.uk".
// A view into `name` or into a constant.
std::string_view ServiceOf(std::string_view name);

// The name that a person would type or that a search result leads to: the
// site's own name, "www." or "m." before it. Not "px.", "connect.", "cdn.".
bool IsFrontDoor(std::string_view name);

// The registrable part as far as a few rules know it: the last two labels,
// three below "co.uk" and its like. For counting sites, not for trust.
std::string_view SiteOf(std::string_view name);

}  // namespace schoolgate::agent
