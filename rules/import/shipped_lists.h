// Lists that are part of the program.
#pragma once

#include <string_view>

namespace schoolgate::rules {

// rules/stop-list.txt as it was when the program was built.
std::string_view ShippedStopList();

}  // namespace schoolgate::rules
