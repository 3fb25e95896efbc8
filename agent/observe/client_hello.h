// A TLS or DTLS ClientHello, and finding one in a byte stream.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "agent/capture/byte_reader.h"

namespace schoolgate::agent {

// Views borrow the bytes that were parsed.
struct ClientHello {
  // Host names of a hello that are read.
  static constexpr size_t kMaxNames = 8;

  Bytes server_name() const { return names[0]; }  // empty: none sent
  // RFC 6066 forbids more than one; some send them.
  std::span<const Bytes> server_names() const { return {names, name_count}; }

  Bytes names[kMaxNames];
  size_t name_count = 0;
  bool unread_names = false;  // there are more
  Bytes alpn;                 // the extension's list: length, bytes, ...
  bool encrypted = false;     // encrypted_client_hello or ESNI is there
};

// The longest handshake message that is looked at. What comes in pieces must
// fit, with its record headers, into a ByteAssembler of 65536 bytes.
inline constexpr size_t kMaxHelloBytes = 65535;

// Records of other kinds that are passed over in front of a hello.
inline constexpr int kMaxRecordsInFront = 8;

// Records without content that are passed over, in front of a hello or in it:
// as many as OpenSSL takes in a row.
inline constexpr int kMaxEmptyRecords = 32;

// The body of the handshake message, without its 4-byte header (DTLS: 12).
// False when this cannot be a ClientHello.
bool ParseClientHello(Bytes body, bool datagram, ClientHello* hello);

enum class Search {
  kFound,
  kNeedMore,  // right so far, not complete
  kNot,       // something else, or broken
};

struct StreamSearch {
  Search result = Search::kNot;
  size_t used = 0;       // kFound: bytes up to the end of the hello's record
  size_t need = 0;       // kNeedMore: no use in asking before there are so many
  bool certain = false;  // kNeedMore: already unmistakably a ClientHello
  bool beyond = false;   // kNot: one of the limits above ended the search
  bool broken = false;   // kNot: a whole ClientHello that we cannot read
};

// Looks for a ClientHello at the start of `bytes`, over as many records as it
// takes; change_cipher_spec and alerts in front are passed over. The message
// is put together in `scratch` when it spans records, and `hello` points into
// it.
StreamSearch FindClientHello(Bytes bytes, std::vector<uint8_t>* scratch,
                             ClientHello* hello);

// The same for a stream whose next bytes were not captured: true when what is
// there holds a whole server name.
bool FindCutHello(Bytes bytes, std::vector<uint8_t>* scratch,
                  ClientHello* hello);

// The same for a handshake message without records.
bool ParseCutHello(Bytes message, ClientHello* hello);

}  // namespace schoolgate::agent
