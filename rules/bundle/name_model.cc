#include "rules/bundle/name_model.h"

#include <algorithm>

#include "platform/check.h"
#include "rules/bundle/little_endian.h"
#include "rules/bundle/name_hash.h"

namespace schoolgate::rules {
namespace {

constexpr std::array<uint8_t, 256> MakeSymbols() {
  std::array<uint8_t, 256> symbols = {};
  for (uint8_t& symbol : symbols) symbol = 0xff;
  for (uint8_t i = 0; i < 26; ++i) symbols['a' + i] = i;
  for (uint8_t i = 0; i < 10; ++i) symbols['0' + i] = 26 + i;
  symbols['-'] = 36;
  symbols['_'] = 37;
  symbols[':'] = 37;  // under the root of addresses only
  symbols['.'] = kDotSymbol;
  return symbols;
}

constexpr char kSymbolText[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";

uint64_t Mix(uint64_t value) {
  value = (value ^ value >> 30) * kOddB;
  value = (value ^ value >> 27) * kOddC;
  return value ^ value >> 31;
}

// Newton's iteration: each round doubles the correct low bits.
uint64_t InverseOfOdd(uint64_t odd) {
  uint64_t inverse = odd;
  for (int i = 0; i < 6; ++i) inverse *= 2 - odd * inverse;
  return inverse;
}

}  // namespace

const std::array<uint8_t, 256> kSymbolOf = MakeSymbols();

absl::StatusOr<std::unique_ptr<const NameModel>> NameModel::Make(
    ModelParts parts) {
  std::unique_ptr<NameModel> model(new NameModel);
  model->parts_ = std::move(parts);
  if (auto status = model->Check(); !status.ok()) return status;
  model->MakeTables();
  model->MakeRootTable();
  return model;
}

absl::Status NameModel::Check() const {
  const auto malformed = [] {
    return absl::InvalidArgumentError("section model: is not well-formed");
  };
  const auto& roots = parts_.roots;
  if (parts_.bucket_bits < 0 || parts_.bucket_bits > kBucketBitsLimit ||
      roots.size() < 2 || roots.size() > kRootLimit || !roots[0].empty() ||
      roots[1] != ":" || parts_.root_lengths.size() != roots.size() ||
      !IsCompleteCode(parts_.root_lengths, kRootWordLimit)) {
    return malformed();
  }
  for (size_t i = 2; i < roots.size(); ++i) {
    const auto host = HostName::Parse(roots[i]);
    if (!host.has_value() || host->text() != roots[i] || host->is_address() ||
        (i > 2 && roots[i] <= roots[i - 1])) {
      return malformed();
    }
    const std::string_view above = ParentOf(roots[i]);
    if (!above.empty() &&
        !std::binary_search(roots.begin() + 2, roots.end(), above)) {
      return malformed();
    }
  }
  const size_t clusters = parts_.cluster_lengths.size();
  if (clusters == 0 || clusters > kClusterLimit ||
      parts_.cluster_of.size() != kContexts) {
    return malformed();
  }
  for (const uint16_t cluster : parts_.cluster_of) {
    if (cluster >= clusters) return malformed();
  }
  for (const auto& lengths : parts_.cluster_lengths) {
    if (!IsCompleteCode(lengths, kSymbolWordLimit)) return malformed();
  }
  if (parts_.set_lengths.size() > size_t{1} << kSetWordLimit ||
      !IsCompleteCode(parts_.set_lengths, kSetWordLimit)) {
    return malformed();
  }
  return absl::OkStatus();
}

void NameModel::MakeTables() {
  place_bits_ = parts_.bucket_bits + kPlaceBelowBucket;
  place_mask_ = (uint64_t{1} << place_bits_) - 1;
  mix_shift_ = (place_bits_ + 1) / 2;
  for (int i = 0; i < 2; ++i) {
    multiplier_[i] = Mix(parts_.key + kOddA * static_cast<uint64_t>(i + 1)) | 1;
    inverse_[i] = InverseOfOdd(multiplier_[i]);
  }
  const size_t clusters = parts_.cluster_lengths.size();
  words_.resize(clusters * kNameSymbols);
  readers_.resize(clusters);
  for (size_t c = 0; c < clusters; ++c) {
    const auto words = CodeWords(parts_.cluster_lengths[c]);
    for (size_t i = 0; i < kNameSymbols; ++i) {
      words_[c * kNameSymbols + i] =
          static_cast<uint16_t>(words[i] << 4 | parts_.cluster_lengths[c][i]);
    }
    MakeSymbolReader(parts_.cluster_lengths[c], &readers_[c]);
  }
  root_reader_ = WordReader(parts_.root_lengths);
  set_words_ = CodeWords(parts_.set_lengths);
  set_reader_ = WordReader(parts_.set_lengths);
}

// A counting sort: symbols by length, then by number.
void NameModel::MakeSymbolReader(std::span<const uint8_t> lengths,
                                 SymbolReader* reader) const {
  std::array<uint8_t, kSymbolWordLimit + 1> count = {};
  for (const uint8_t length : lengths) ++count[length];
  std::array<uint8_t, kSymbolWordLimit + 1> next;
  uint8_t placed = 0;
  unsigned value = 0;
  reader->limit[0] = reader->base[0] = reader->first[0] = 0;
  for (int n = 1; n <= kSymbolWordLimit; ++n) {
    reader->base[n] = static_cast<uint16_t>(value);
    reader->first[n] = next[n] = placed;
    placed = static_cast<uint8_t>(placed + count[n]);
    value += unsigned{count[n]} << (kSymbolWordLimit - n);
    reader->limit[n] = static_cast<uint16_t>(value);
  }
  for (uint8_t i = 0; i < lengths.size(); ++i) {
    reader->symbols[next[lengths[i]]++] = i;
  }
}

void NameModel::MakeRootTable() {
  const auto words = CodeWords(parts_.root_lengths);
  size_t slots = 16;
  while (slots < parts_.roots.size() * 4) slots *= 2;
  root_slots_.assign(slots, {0, 0});
  for (size_t i = 0; i < parts_.roots.size(); ++i) {
    const std::string& root = parts_.roots[i];
    roots_.push_back({static_cast<uint32_t>(root_text_.size()), words[i],
                      static_cast<uint8_t>(root.size()),
                      parts_.root_lengths[i]});
    root_text_ += root;
    if (i <= kAddressRoot) continue;
    const uint64_t hash = HashName(root, false);
    size_t slot = hash & (slots - 1);
    while (root_slots_[slot].root_plus_1 != 0) slot = (slot + 1) & (slots - 1);
    root_slots_[slot] = {static_cast<uint32_t>(hash >> 32),
                         static_cast<uint32_t>(i + 1)};
  }
}

int NameModel::FindRoot(std::string_view suffix, uint64_t hash) const {
  const size_t mask = root_slots_.size() - 1;
  for (size_t slot = hash & mask; root_slots_[slot].root_plus_1 != 0;
       slot = (slot + 1) & mask) {
    if (root_slots_[slot].check != static_cast<uint32_t>(hash >> 32)) continue;
    const auto number = static_cast<int>(root_slots_[slot].root_plus_1) - 1;
    const Root& root = roots_[number];
    if (root.length == suffix.size() &&
        std::memcmp(&root_text_[root.text], suffix.data(), suffix.size()) ==
            0) {
      return number;
    }
  }
  return -1;
}

// Walks up from the right as long as the names are roots. Puts the end of
// what is left to be coded into *cut: where the last suffix begins, or before
// its beginning, when nothing is.
int NameModel::LongestRoot(std::string_view host, const SuffixHashes& suffixes,
                           int count, CodedHost* out, size_t* cut) const {
  int longest = 0;
  for (int i = 0; i < count; ++i) {
    const size_t begin = suffixes.begin[i];
    const int root = FindRoot(host.substr(begin), suffixes.hash[i]);
    if (root < 0) break;
    longest = root;
    out->roots[out->root_count] = static_cast<uint16_t>(root);
    out->root_begins[out->root_count++] = suffixes.begin[i];
    *cut = begin == 0 ? 0 : begin - 1;
  }
  return longest;
}

void NameModel::EncodeWhole(std::string_view name, bool is_address,
                            CodedHost* out) const {
  SuffixHashes suffixes;
  HashSuffixes(name, is_address, &suffixes);
  Encode(
      name, is_address, suffixes, suffixes.count, out,
      [&](int suffix) { return suffix == suffixes.count - 1; },
      [](const SuffixCode&) {});
}

int NameModel::RootNumber(std::string_view name) const {
  const auto& roots = parts_.roots;
  const auto at = std::lower_bound(roots.begin() + 2, roots.end(), name);
  if (at == roots.end() || *at != name) return -1;
  return static_cast<int>(at - roots.begin());
}

uint64_t NameModel::SpreadHash(uint64_t spread) const {
  return Mix(spread * kOddA + parts_.key);
}

uint64_t NameModel::Permute(uint64_t first, uint64_t spread) const {
  uint64_t at = (first + SpreadHash(spread)) & place_mask_;
  for (const uint64_t multiplier : multiplier_) {
    at = at * multiplier & place_mask_;
    at ^= at >> mix_shift_;
  }
  return at;
}

uint64_t NameModel::Unpermute(uint64_t place, uint64_t spread) const {
  for (int i = 1; i >= 0; --i) {
    place ^= place >> mix_shift_;
    place = place * inverse_[i] & place_mask_;
  }
  return (place - SpreadHash(spread)) & place_mask_;
}

uint64_t NameModel::PlaceOfName(std::string_view name, bool is_address) const {
  CodedHost coded;
  EncodeWhole(name, is_address, &coded);
  SG_CHECK(coded.suffix_count > 0);
  return coded.suffixes[coded.suffix_count - 1].place;
}

BitRun NameModel::TailOf(std::string_view name, bool is_address,
                         uint64_t* place) const {
  CodedHost coded;
  EncodeWhole(name, is_address, &coded);
  SG_CHECK(coded.suffix_count > 0);
  const SuffixCode& whole = coded.suffixes[coded.suffix_count - 1];
  *place = whole.place;
  BitRun tail;
  int at = place_bits_;
  for (; at < whole.bits; at += 32) {
    const int part = std::min(32, whole.bits - at);
    tail.Append(coded.BitsAt(at) >> (64 - part), part);
  }
  const int before = std::max(place_bits_ - int{whole.bits}, 0);
  if (before < whole.end_length) {
    const int left = whole.end_length - before;
    tail.Append(whole.end_word & ((1u << left) - 1), left);
  }
  const auto size = static_cast<int>(tail.size());
  if (size < kSpreadBits) tail.Append(0, kSpreadBits - size);
  return tail;
}

uint64_t NameModel::ReadTail(std::span<const uint8_t> bytes, uint64_t at,
                             uint64_t place, std::string* text) const {
  const uint64_t spread = BitsAt(bytes, at) >> (64 - kSpreadBits);
  const uint64_t first = Unpermute(place, spread);
  // The code's bits from `used` on.
  uint64_t used = 0;
  const auto window = [&]() -> uint64_t {
    const auto place_bits = static_cast<uint64_t>(place_bits_);
    if (used >= place_bits) return BitsAt(bytes, at + used - place_bits);
    const auto left = static_cast<int>(place_bits - used);
    return first << (64 - left) | BitsAt(bytes, at) >> left;
  };
  int length = 0;
  const int root = root_reader_.Read(window(), &length);
  if (root < 0) return 0;
  used += static_cast<uint64_t>(length);
  char reversed[kHostLimit];
  size_t size = 0;
  unsigned last = 0, second = 0, third = 0;
  while (true) {
    const auto& reader =
        readers_[parts_.cluster_of[third * 1600 + second * 40 + last]];
    const auto top = static_cast<uint16_t>(window() >> (64 - kSymbolWordLimit));
    int n = 1;
    while (top >= reader.limit[n]) ++n;  // the code is complete: n <= 12
    const uint8_t symbol =
        reader.symbols[reader.first[n] +
                       ((top - reader.base[n]) >> (kSymbolWordLimit - n))];
    used += static_cast<uint64_t>(n);
    if (symbol == kEndSymbol) break;
    if (size == kHostLimit) return 0;
    reversed[size++] = kSymbolText[symbol];
    third = second;
    second = last;
    last = symbol + 1u;
  }
  used = std::max<uint64_t>(used,
                            static_cast<uint64_t>(place_bits_) + kSpreadBits);
  const uint64_t end = at + used - static_cast<uint64_t>(place_bits_);
  if (end > bytes.size() * 8) return 0;
  if (text != nullptr) {
    text->assign(reversed, size);
    std::reverse(text->begin(), text->end());
    if (root == kAddressRoot) {
      std::replace(text->begin(), text->end(), '_', ':');
    } else if (root > 0) {
      *text += '.';
      *text += parts_.roots[root];
    }
  }
  return end;
}

void NameModel::AppendSet(uint32_t number, BitRun* out) const {
  if (number + 1 < parts_.set_lengths.size()) {
    out->Append(set_words_[number + 1], parts_.set_lengths[number + 1]);
  } else {
    out->Append(set_words_[0], parts_.set_lengths[0]);
    out->Append(number, kSetNumberBits);
  }
}

uint64_t NameModel::ReadSet(std::span<const uint8_t> bytes, uint64_t at,
                            uint32_t* number) const {
  int length = 0;
  const int symbol = set_reader_.Read(BitsAt(bytes, at), &length);
  if (symbol < 0) return 0;
  at += static_cast<uint64_t>(length);
  if (symbol > 0) {
    *number = static_cast<uint32_t>(symbol) - 1;
  } else {
    *number = static_cast<uint32_t>(BitsAt(bytes, at) >> (64 - kSetNumberBits));
    at += kSetNumberBits;
  }
  return at > bytes.size() * 8 ? 0 : at;
}

}  // namespace schoolgate::rules
