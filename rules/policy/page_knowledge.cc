#include "rules/policy/page_knowledge.h"

#include <algorithm>

namespace schoolgate::rules {
namespace {

constexpr size_t kIdBytes = 8;

std::vector<uint64_t> Unpack(const std::string& bytes) {
  std::vector<uint64_t> ids;
  if (bytes.size() % kIdBytes != 0 ||
      bytes.size() / kIdBytes > PageKnowledge::kMostEntries) {
    return ids;
  }
  ids.reserve(bytes.size() / kIdBytes);
  for (size_t at = 0; at < bytes.size(); at += kIdBytes) {
    uint64_t id = 0;
    for (size_t i = kIdBytes; i-- > 0;) {
      id = id << 8 | static_cast<unsigned char>(bytes[at + i]);
    }
    ids.push_back(id);
  }
  // A bundle is believed as far as it was checked.
  if (!std::is_sorted(ids.begin(), ids.end())) ids.clear();
  return ids;
}

}  // namespace

PageKnowledge::PageKnowledge(const v1::PageKnowledge& packed)
    : embedded_(Unpack(packed.embedded())), pairs_(Unpack(packed.pairs())) {}

bool PageKnowledge::IsEmbedded(std::string_view site) const {
  return std::binary_search(embedded_.begin(), embedded_.end(), Id(site));
}

bool PageKnowledge::BringsIn(uint64_t page, uint64_t site) const {
  return std::binary_search(pairs_.begin(), pairs_.end(), PairId(page, site));
}

uint64_t PageKnowledge::Id(std::string_view site) {
  // FNV-1a, 64 bits.
  uint64_t id = 0xcbf29ce484222325;
  for (const unsigned char c : site) id = (id ^ c) * 0x100000001b3;
  return id;
}

uint64_t PageKnowledge::PairId(uint64_t page, uint64_t site) {
  uint64_t id = page * 0x9e3779b97f4a7c15 ^ site;
  id = (id ^ id >> 32) * 0xbf58476d1ce4e5b9;
  return id ^ id >> 29;
}

std::string PackIds(std::vector<uint64_t> ids) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  std::string bytes;
  bytes.reserve(ids.size() * kIdBytes);
  for (uint64_t id : ids) {
    for (size_t i = 0; i < kIdBytes; ++i, id >>= 8) {
      bytes.push_back(static_cast<char>(id & 0xff));
    }
  }
  return bytes;
}

}  // namespace schoolgate::rules
