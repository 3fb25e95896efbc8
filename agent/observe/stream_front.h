// What may stand in front of a client's own bytes in a TCP stream, within the
// same segment: the PROXY protocol of HAProxy, in text or binary; the wish for
// TLS of a client of MySQL or PostgreSQL that waits for no answer; the header
// of the packet in which SQL Server's clients wrap their hello.
#pragma once

#include "agent/capture/byte_reader.h"

namespace schoolgate::agent {

struct StreamFront {
  size_t used = 0;  // bytes to pass over; 0: there is none
  size_t need = 0;  // not 0: it may become one, when there are so many bytes
};

// Cheap for bytes that begin nothing of the kind.
StreamFront ReadStreamFront(Bytes bytes);

}  // namespace schoolgate::agent
