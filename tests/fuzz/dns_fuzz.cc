// Any bytes as a DNS message: questions, answers, names.
#include "agent/observe/dns_message.h"
#include "platform/check.h"

using namespace schoolgate::agent;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const Bytes input(bytes, size);
  DnsMessage message(input);
  DnsQuestion question;
  int entries = 0;
  while (message.NextQuestion(&question)) {
    SG_CHECK(++entries <= DnsMessage::kMaxEntries);
    SG_CHECK(question.name.view().size() <= NameText::kMaxText);
  }
  DnsRecord record;
  while (message.NextAnswer(&record)) {
    SG_CHECK(++entries <= 2 * DnsMessage::kMaxEntries);
    SG_CHECK(EchPublicName(record.body).size() < 256);
  }
  if (IsUnmistakableQuery(input)) SG_CHECK(entries == 1);
  return 0;
}
