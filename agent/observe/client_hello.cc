#include "agent/observe/client_hello.h"

#include <algorithm>

namespace schoolgate::agent {
namespace {

constexpr uint8_t kChangeCipherSpec = 20;
constexpr uint8_t kHandshake = 22;
constexpr uint8_t kClientHello = 1;
constexpr size_t kRecordHeader = 5;
constexpr size_t kHandshakeHeader = 4;
constexpr size_t kMaxRecordBytes = 16384 + 2048;
constexpr size_t kMinHelloBytes = 38;
constexpr uint16_t kTlcp = 0x0101;

void ParseServerName(ByteReader extension, ClientHello* hello) {
  ByteReader list(extension.Take(extension.U16()));
  while (list.left() >= 3) {
    const uint8_t type = list.U8();
    const Bytes name = list.Take(list.U16());
    if (!list.ok() || type != 0 || name.empty()) continue;
    hello->unread_names = hello->name_count == ClientHello::kMaxNames;
    if (hello->unread_names) return;
    hello->names[hello->name_count++] = name;
  }
}

// `versions`: whether the extension that makes servers ignore legacy_version is
// there.
void ParseExtension(uint16_t type, Bytes body, ClientHello* hello,
                    bool* versions) {
  constexpr uint16_t kServerName = 0;
  constexpr uint16_t kAlpn = 16;
  constexpr uint16_t kSupportedVersions = 43;
  constexpr uint16_t kEch = 0xfe0d;
  constexpr uint16_t kEsni = 0xffce;
  switch (type) {
    case kServerName:
      ParseServerName(ByteReader(body), hello);
      break;
    case kSupportedVersions:
      *versions = true;
      break;
    case kAlpn: {
      ByteReader list(body);
      const Bytes names = list.Take(list.U16());
      if (list.ok()) hello->alpn = names;
      break;
    }
    case kEch:
    case kEsni:
    case 0xfe08:  // ECH drafts 8 to 10
    case 0xfe09:
    case 0xfe0a:
      hello->encrypted = true;
      break;
    default:
      break;
  }
}

// Of a record, and of most hellos. Servers ignore a record's (RFC 8446, 5.1);
// TLCP (GB/T 38636) is a relative.
bool IsVersion(uint16_t version) {
  return version >> 8 == 3 || version == kTlcp;
}

// One without content too.
bool LooksLikeRecord(uint8_t type, uint16_t version, size_t length) {
  return type >= kChangeCipherSpec && type <= kHandshake &&
         IsVersion(version) && length <= kMaxRecordBytes;
}

}  // namespace

namespace {

// `cut`: the end of the body may be missing, but not of the part in front of
// the extensions.
bool ParseBody(Bytes body, bool datagram, bool cut, ClientHello* hello) {
  *hello = {};
  ByteReader reader(body);
  const uint16_t version = reader.U16();
  reader.Skip(32);
  const uint8_t major = version >> 8;
  if (datagram ? major != 0xfe && major != 1 : major < 3 && version != kTlcp) {
    return false;
  }
  const size_t session = reader.U8();
  reader.Skip(session);
  if (datagram) reader.Skip(reader.U8());  // cookie
  const size_t suites = reader.U16();
  reader.Skip(suites);
  reader.Skip(reader.U8());  // compression methods
  if (!reader.ok() || session > 32 || suites == 0 || suites % 2 != 0) {
    return false;
  }
  // A version to come is one only by its extension (RFC 8446, 4.1.2).
  bool known_version = datagram || IsVersion(version);
  if (reader.left() == 0) return known_version;  // no extensions
  const size_t length = reader.U16();
  ByteReader extensions(
      reader.Take(cut ? std::min(length, reader.left()) : length));
  if (!reader.ok()) return false;
  while (extensions.left() >= 4) {
    const uint16_t type = extensions.U16();
    const Bytes value = extensions.Take(extensions.U16());
    if (!extensions.ok()) break;
    ParseExtension(type, value, hello, &known_version);
  }
  return known_version;
}

// State of one walk over records.
class HelloSearch {
 public:
  HelloSearch(Bytes bytes, std::vector<uint8_t>* scratch)
      : bytes_(bytes), scratch_(scratch) {}

  bool RunCut(ClientHello* hello) {
    if (!SkipOtherRecords()) return false;
    while (bytes_.size() - at_ > kRecordHeader) {
      const uint8_t* record = bytes_.data() + at_;
      const size_t length = LoadU16(record + 3);
      if (record[0] != kHandshake ||
          !LooksLikeRecord(record[0], LoadU16(record + 1), length)) {
        break;
      }
      const Bytes after = bytes_.subspan(at_ + kRecordHeader);
      const Bytes part = after.first(std::min(length, after.size()));
      scratch_->insert(scratch_->end(), part.begin(), part.end());
      at_ += kRecordHeader + part.size();
    }
    if (scratch_->size() < kHandshakeHeader || !StartsHello(*scratch_)) {
      return false;
    }
    const Bytes body = Bytes(*scratch_).subspan(kHandshakeHeader);
    return ParseBody(body.first(std::min(body.size(), HelloLength(*scratch_))),
                     /*datagram=*/false, /*cut=*/true, hello) &&
           hello->name_count > 0;
  }

  StreamSearch Run(ClientHello* hello) {
    if (!SkipOtherRecords()) return result_;
    const size_t start = at_;
    Bytes record;
    if (!NextRecord(&record)) return result_;
    if (!StartsHello(record)) return NoHello(record);
    if (record.size() >= kHandshakeHeader) {
      const size_t length = HelloLength(record);
      if (length > kMaxHelloBytes || length < kMinHelloBytes) return Not();
      if (record.size() - kHandshakeHeader >= length) {
        return Finish(record.subspan(kHandshakeHeader, length), hello);
      }
    }
    at_ = start;
    return RunOverRecords(hello);
  }

 private:
  static size_t HelloLength(Bytes message) {
    return size_t{message[1]} << 16 | size_t{message[2]} << 8 | message[3];
  }

  static bool StartsHello(Bytes part) {
    return part[0] == kClientHello && (part.size() < 2 || part[1] == 0);
  }

  StreamSearch Not() { return {Search::kNot, 0, 0, false}; }

  // Perhaps a hello that is longer than kMaxHelloBytes.
  StreamSearch NoHello(Bytes part) {
    StreamSearch result = Not();
    result.beyond = part.size() >= kHandshakeHeader + 2 &&
                    part[0] == kClientHello && part[1] != 0 &&
                    IsVersion(LoadU16(part.data() + kHandshakeHeader));
    return result;
  }

  StreamSearch Finish(Bytes body, ClientHello* hello) {
    if (ParseClientHello(body, /*datagram=*/false, hello)) {
      return {Search::kFound, at_, 0, true};
    }
    StreamSearch result = Not();
    result.broken = true;
    return result;
  }

  bool NeedMore(size_t need) {
    result_ = {Search::kNeedMore, 0, need, false};
    if (bytes_.size() >= at_ + kRecordHeader + kHandshakeHeader + 2) {
      const uint8_t* record = bytes_.data() + at_;
      result_.certain = record[0] == kHandshake && record[5] == kClientHello &&
                        record[6] == 0 && IsVersion(LoadU16(record + 9));
    }
    return false;
  }

  // True when a handshake record stands at at_.
  bool SkipOtherRecords() {
    for (int i = 0; i <= kMaxRecordsInFront; ++i) {
      if (!SkipEmptyRecords()) return false;
      if (bytes_.size() - at_ < kRecordHeader) return Partial();
      const uint8_t* record = bytes_.data() + at_;
      const size_t length = LoadU16(record + 3);
      if (!LooksLikeRecord(record[0], LoadU16(record + 1), length)) break;
      if (record[0] == kHandshake) return true;
      if (length == 0 || length > 2) break;
      if (bytes_.size() - at_ - kRecordHeader < length) {
        return NeedMore(at_ + kRecordHeader + length);
      }
      at_ += kRecordHeader + length;
      if (i == kMaxRecordsInFront) result_.beyond = true;
    }
    result_.result = Search::kNot;
    return false;
  }

  // False when there are too many of them.
  bool SkipEmptyRecords() {
    while (bytes_.size() - at_ >= kRecordHeader) {
      const uint8_t* record = bytes_.data() + at_;
      if (record[0] != kHandshake || !IsVersion(LoadU16(record + 1)) ||
          LoadU16(record + 3) != 0) {
        break;
      }
      if (++empty_ > kMaxEmptyRecords) {
        result_ = Not();
        result_.beyond = true;
        return false;
      }
      at_ += kRecordHeader;
    }
    return true;
  }

  // Fewer bytes than a record header: could it become one?
  bool Partial() {
    const Bytes head = bytes_.subspan(at_);
    const bool fits =
        head.empty() ? empty_ > 0
                     : head[0] >= kChangeCipherSpec && head[0] <= kHandshake &&
                           (head.size() < 2 || head[1] == 3 || head[1] == 1);
    if (fits) return NeedMore(at_ + kRecordHeader + 1);
    result_ = Not();
    return false;
  }

  // The captured part of the next handshake record, at least one byte.
  bool NextRecord(Bytes* part) {
    if (!SkipEmptyRecords()) return false;
    if (bytes_.size() - at_ < kRecordHeader) {
      return NeedMore(at_ + kRecordHeader + 1);
    }
    const uint8_t* record = bytes_.data() + at_;
    const size_t length = LoadU16(record + 3);
    if (record[0] != kHandshake ||
        !LooksLikeRecord(record[0], LoadU16(record + 1), length)) {
      result_ = Not();
      return false;
    }
    const Bytes after = bytes_.subspan(at_ + kRecordHeader);
    if (after.empty()) return NeedMore(at_ + kRecordHeader + 1);
    if (after.size() < length) {
      if (!StartsHello(after) && scratch_->empty()) {
        result_ = NoHello(after);
        return false;
      }
      return NeedMore(at_ + kRecordHeader + length);
    }
    *part = after.first(length);
    at_ += kRecordHeader + length;
    return true;
  }

  StreamSearch RunOverRecords(ClientHello* hello) {
    Bytes record;
    size_t whole = 0;  // of the message, once it has been told
    while (NextRecord(&record)) {
      scratch_->insert(scratch_->end(), record.begin(), record.end());
      if (scratch_->size() < kHandshakeHeader) continue;
      const size_t length = HelloLength(*scratch_);
      if (length > kMaxHelloBytes || length < kMinHelloBytes) return Not();
      whole = kHandshakeHeader + length;
      if (scratch_->size() >= whole) {
        return Finish(Bytes(*scratch_).subspan(kHandshakeHeader, length),
                      hello);
      }
    }
    // However small its records are, they are not all walked for each.
    if (result_.result == Search::kNeedMore && whole > 0) {
      const size_t rest = whole - scratch_->size();
      result_.need = std::max(result_.need, at_ + kRecordHeader + rest);
    }
    return result_;
  }

  Bytes bytes_;
  std::vector<uint8_t>* scratch_;
  size_t at_ = 0;
  int empty_ = 0;  // records
  StreamSearch result_;
};

}  // namespace

bool ParseClientHello(Bytes body, bool datagram, ClientHello* hello) {
  return ParseBody(body, datagram, /*cut=*/false, hello);
}

bool ParseCutHello(Bytes message, ClientHello* hello) {
  return message.size() > kHandshakeHeader && message[0] == kClientHello &&
         message[1] == 0 &&
         ParseBody(message.subspan(kHandshakeHeader), /*datagram=*/false,
                   /*cut=*/true, hello) &&
         hello->name_count > 0;
}

bool FindCutHello(Bytes bytes, std::vector<uint8_t>* scratch,
                  ClientHello* hello) {
  scratch->clear();
  return HelloSearch(bytes, scratch).RunCut(hello);
}

StreamSearch FindClientHello(Bytes bytes, std::vector<uint8_t>* scratch,
                             ClientHello* hello) {
  scratch->clear();
  return HelloSearch(bytes, scratch).Run(hello);
}

}  // namespace schoolgate::agent
