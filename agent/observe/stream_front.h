// What may stand in front of a client's own bytes in a TCP stream: the PROXY
// protocol of HAProxy, in text or binary; a client's words to a SOCKS proxy;
// the wish for TLS of a client of MySQL, PostgreSQL, LDAP or Remote Desktop;
// the header of the packet in which SQL Server's clients wrap their hello.
// Each is told by its bytes, so that it does not matter how it was cut.
#pragma once

#include "agent/capture/byte_reader.h"

namespace schoolgate::agent {

struct StreamFront {
  size_t used = 0;  // bytes to pass over; 0: there is none
  size_t need = 0;  // not 0: it may become one, when there are so many bytes
};

// Cheap for bytes that begin nothing of the kind.
StreamFront ReadStreamFront(Bytes bytes);

// The longest text in front of a hello that is passed over.
inline constexpr size_t kMaxTextFront = 1024;

struct TextFront {
  size_t used = 0;      // bytes to pass over; 0: there is none
  bool beyond = false;  // it has more than kMaxTextFront
};

// Lines of text or XML (STARTTLS and its kin) right behind which a TLS record
// begins. What else begins in them is not looked for: text may be about
// anything.
TextFront TextBeforeHello(Bytes bytes);

}  // namespace schoolgate::agent
