// SG_CHECK: for what only our own mistake can cause. Never for bytes from the
// network, a file or a peer.
#pragma once

#include <cstdio>
#include <cstdlib>

#define SG_CHECK(condition)                                            \
  do {                                                                 \
    if (!(condition)) [[unlikely]] {                                   \
      std::fprintf(stderr, "%s:%d: bug: %s does not hold\n", __FILE__, \
                   __LINE__, #condition);                              \
      std::abort();                                                    \
    }                                                                  \
  } while (false)
