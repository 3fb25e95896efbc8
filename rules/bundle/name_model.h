// How the index writes names as bits: section "model" of a bundle.
// docs/bundle-format.md, section 4.1 to 4.3.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "rules/bundle/bit_run.h"
#include "rules/bundle/host_name.h"
#include "rules/bundle/name_hash.h"
#include "rules/bundle/prefix_code.h"

namespace schoolgate::rules {

inline constexpr int kNameSymbols = 40;  // a-z 0-9 - _ . and the end
inline constexpr int kDotSymbol = 38;
inline constexpr int kEndSymbol = 39;
inline constexpr int kAddressRoot = 1;
inline constexpr int kContexts = 40 * 40 * 40;
inline constexpr int kRootLimit = 1 << 15;
inline constexpr int kClusterLimit = 1 << 12;
inline constexpr int kSymbolWordLimit = 12;  // bits
inline constexpr int kRootWordLimit = 24;
inline constexpr int kSetWordLimit = 15;
inline constexpr int kSetNumberBits = 16;
inline constexpr int kBucketBitsLimit = 24;

inline constexpr int kCellBits = 5;     // 32 cells a bucket
inline constexpr int kLowBits = 8;      // told apart within a cell
inline constexpr int kSpreadBits = 12;  // further bits that decide the place
inline constexpr int kPlaceBelowBucket = kCellBits + kLowBits;

// What a model is made of; everything else follows from it.
struct ModelParts {
  int bucket_bits = 0;
  uint64_t key = 0;
  // [0] is empty, [1] is ":", under which addresses stand, then ascending by
  // bytes. The part behind a root's first dot is a root as well.
  std::vector<std::string> roots;
  std::vector<uint8_t> root_lengths;
  std::vector<uint16_t> cluster_of;  // kContexts of them
  std::vector<std::array<uint8_t, kNameSymbols>> cluster_lengths;
  std::vector<uint8_t> set_lengths;  // [0]: any set, its number follows
};

// Where in a coded host the code of one of its suffixes ends.
struct SuffixCode {
  uint16_t bits;  // of the host's code that come before the end symbol
  uint16_t end_word;
  uint8_t end_length;
  uint8_t begin;   // of the suffix in the host's text
  uint64_t place;  // of those that were wanted
};

// A host and all its suffixes as bits. About 4 KB; meant for the stack.
struct CodedHost {
  std::array<uint64_t, 52> words;
  int suffix_count = 0;
  std::array<SuffixCode, 128> suffixes;  // shortest first
  int root_count = 0;
  std::array<uint16_t, 128> roots;  // shortest first; not the empty one
  std::array<uint8_t, 128> root_begins;

  // The 64 bits from `at` on.
  uint64_t BitsAt(int at) const {
    const int word = at >> 6;
    const int shift = at & 63;
    if (shift == 0) return words[word];
    return words[word] << shift | words[word + 1] >> (64 - shift);
  }
};

// Immutable and thread-safe.
class NameModel {
 public:
  static absl::StatusOr<std::unique_ptr<const NameModel>> Make(
      ModelParts parts);

  // From the section's bytes, which it does not keep. INVALID_ARGUMENT when
  // they are not a model.
  static absl::StatusOr<std::unique_ptr<const NameModel>> Parse(
      std::span<const uint8_t> section);
  std::string Serialise() const;

  const ModelParts& parts() const { return parts_; }
  int bucket_bits() const { return parts_.bucket_bits; }
  int place_bits() const { return place_bits_; }

  // Codes the first `count` suffixes of the host, which are `suffixes`. Those
  // of them, by their place there, for which is_wanted(i) get a `place`, and
  // `visit(suffix)` is called as soon as it is known, shortest first.
  template <typename Wanted, typename Visitor>
  void Encode(std::string_view host, bool is_address,
              const SuffixHashes& suffixes, int count, CodedHost* out,
              Wanted is_wanted, Visitor visit) const;

  // Whether the name is a root itself; -1 or the root's number.
  int RootNumber(std::string_view name) const;

  // The bits of an entry behind those that its place implies. The name must
  // not be a root. Sets *place.
  BitRun TailOf(std::string_view name, bool is_address, uint64_t* place) const;

  uint64_t PlaceOfName(std::string_view name, bool is_address) const;

  // Reads the name whose tail begins at bit `at` of `bytes`, up to the bit
  // behind it, which is returned. 0: the bytes are damaged. `text` may be
  // null when only the end is wanted.
  uint64_t ReadTail(std::span<const uint8_t> bytes, uint64_t at, uint64_t place,
                    std::string* text) const;

  // Set numbers, which stand behind the names.
  void AppendSet(uint32_t number, BitRun* out) const;
  uint64_t ReadSet(std::span<const uint8_t> bytes, uint64_t at,
                   uint32_t* number) const;

 private:
  struct Root {
    uint32_t text;  // begin in root_text_
    uint32_t word;
    uint8_t length;
    uint8_t word_length;
  };

  NameModel() = default;
  absl::Status Check() const;
  void MakeTables();
  void MakeRootTable();
  int FindRoot(std::string_view suffix, uint64_t hash) const;
  int LongestRoot(std::string_view host, const SuffixHashes& suffixes,
                  int count, CodedHost* out, size_t* cut) const;
  void EncodeWhole(std::string_view name, bool is_address,
                   CodedHost* out) const;
  uint64_t Permute(uint64_t first, uint64_t spread) const;
  uint64_t Unpermute(uint64_t place, uint64_t spread) const;
  uint64_t SpreadHash(uint64_t spread) const;

  // From the first 64 bits of a code, zeros standing behind its end.
  uint64_t PlaceOf(uint64_t top) const {
    return Permute(
        top >> (64 - place_bits_),
        top >> (64 - place_bits_ - kSpreadBits) & ((1 << kSpreadBits) - 1));
  }

  ModelParts parts_;
  int place_bits_ = 0;
  uint64_t place_mask_ = 0;
  int mix_shift_ = 0;
  uint64_t multiplier_[2] = {};
  uint64_t inverse_[2] = {};

  std::vector<Root> roots_;
  std::string root_text_;
  struct RootSlot {
    uint32_t check;
    uint32_t root_plus_1;
  };
  std::vector<RootSlot> root_slots_;
  WordReader root_reader_;

  std::vector<uint16_t> words_;  // [cluster * 40 + symbol]: word << 4 | length
  // The canonical code of one cluster, for reading.
  struct SymbolReader {
    std::array<uint16_t, kSymbolWordLimit + 1> limit;
    std::array<uint16_t, kSymbolWordLimit + 1> base;
    std::array<uint8_t, kSymbolWordLimit + 1> first;
    std::array<uint8_t, kNameSymbols> symbols;
  };
  void MakeSymbolReader(std::span<const uint8_t> lengths,
                        SymbolReader* reader) const;
  std::vector<SymbolReader> readers_;  // by cluster
  std::vector<uint32_t> set_words_;
  WordReader set_reader_;
};

// The number of each character that may stand in a name; the rest is 0xff.
extern const std::array<uint8_t, 256> kSymbolOf;

}  // namespace schoolgate::rules

#include "rules/bundle/name_model_encode.h"
