// Something that the agent depends on was touched. The kinds are words of the
// contract with the collector, which has a sentence for each.
#pragma once

#include <string>

namespace schoolgate::agent {

struct Touched {
  std::string kind;    // resolver_changed, hosts_file, clock_step, ...
  std::string detail;  // which file, how far; never what stands in it
};

}  // namespace schoolgate::agent
