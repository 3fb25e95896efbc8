#include "agent/enforce/restricted_question.h"

#include <algorithm>
#include <optional>

#include "agent/enforce/dns_answer.h"
#include "agent/observe/dns_message.h"

namespace schoolgate::agent {
namespace {

constexpr size_t kHeaderBytes = 12;
constexpr size_t kMaxLabelBytes = 63;
constexpr size_t kMaxRecords = 16;
constexpr uint16_t kTypeCname = 5;
constexpr uint16_t kClassIn = 1;
constexpr uint16_t kPointer = 0xc000;
constexpr uint8_t kAuthenticData = 0x20;

void Put16(std::vector<uint8_t>& to, size_t value) {
  to.push_back(static_cast<uint8_t>(value >> 8));
  to.push_back(static_cast<uint8_t>(value));
}

void Put32(std::vector<uint8_t>& to, uint32_t value) {
  Put16(to, value >> 16);
  Put16(to, value & 0xffff);
}

bool PutName(std::vector<uint8_t>& to, std::string_view name) {
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    if (label.empty() || label.size() > kMaxLabelBytes) return false;
    to.push_back(static_cast<uint8_t>(label.size()));
    to.insert(to.end(), label.begin(), label.end());
    name.remove_prefix(std::min(name.size(), label.size() + 1));
  }
  to.push_back(0);
  return true;
}

void PutOpt(std::vector<uint8_t>& to) {
  constexpr uint8_t kOpt[] = {0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0};
  to.insert(to.end(), std::begin(kOpt), std::end(kOpt));
}

struct Answered {
  DnsQuestion question;
  std::vector<DnsRecord> addresses;
};

std::optional<Answered> Read(std::span<const uint8_t> answer,
                             std::string_view name) {
  DnsMessage message(answer);
  Answered read;
  if (!message.header().response() || message.header().questions != 1 ||
      !message.NextQuestion(&read.question) ||
      read.question.name.view() != name) {
    return std::nullopt;
  }
  DnsRecord record;
  while (message.NextAnswer(&record)) {
    if (record.type == read.question.type &&
        read.addresses.size() < kMaxRecords) {
      read.addresses.push_back(record);
    }
  }
  return read;
}

}  // namespace

std::vector<uint8_t> AskInstead(std::span<const uint8_t> query,
                                std::string_view name) {
  const auto end = EndOfQuestion(query);
  if (!end || LoadU16(query.data() + 4) != 1) return {};
  std::vector<uint8_t> instead(query.begin(), query.begin() + kHeaderBytes);
  if (!PutName(instead, name)) return {};
  instead.insert(instead.end(),
                 query.begin() + static_cast<ptrdiff_t>(*end) - 4, query.end());
  return instead;
}

std::vector<uint8_t> AnswerInstead(std::span<const uint8_t> query,
                                   std::string_view name,
                                   std::span<const uint8_t> answer) {
  const auto end = EndOfQuestion(query);
  const auto read = Read(answer, name);
  if (!end || !read) return {};
  const bool good = (answer[3] & 0x0f) == 0;
  const bool edns = HasEdns(query, *end);
  std::vector<uint8_t> whole(query.begin(),
                             query.begin() + static_cast<ptrdiff_t>(*end));
  whole[2] = answer[2];
  // What was asked is not what was signed.
  whole[3] = static_cast<uint8_t>(answer[3] & ~kAuthenticData);
  const size_t records = good ? 1 + read->addresses.size() : 0;
  const uint8_t counts[6] = {0, static_cast<uint8_t>(records),     0, 0,
                             0, static_cast<uint8_t>(edns ? 1 : 0)};
  std::copy(std::begin(counts), std::end(counts), whole.begin() + 6);
  if (good) {
    uint32_t ttl_seconds = 60;
    for (const DnsRecord& record : read->addresses) {
      ttl_seconds = std::min(ttl_seconds, record.ttl_seconds);
    }
    std::vector<uint8_t> alias;
    if (!PutName(alias, name)) return {};
    Put16(whole, kPointer | kHeaderBytes);
    Put16(whole, kTypeCname);
    Put16(whole, kClassIn);
    Put32(whole, ttl_seconds);
    Put16(whole, alias.size());
    const size_t alias_at = whole.size();
    whole.insert(whole.end(), alias.begin(), alias.end());
    for (const DnsRecord& record : read->addresses) {
      Put16(whole, kPointer | alias_at);
      Put16(whole, record.type);
      Put16(whole, record.klass);
      Put32(whole, ttl_seconds);
      Put16(whole, record.body.size());
      whole.insert(whole.end(), record.body.begin(), record.body.end());
    }
  }
  if (edns) PutOpt(whole);
  return whole;
}

}  // namespace schoolgate::agent
