// The part of NameModel that runs for every packet's host. Included by
// name_model.h only.
#pragma once

namespace schoolgate::rules {

template <typename Wanted, typename Visitor>
void NameModel::Encode(std::string_view host, bool is_address,
                       const SuffixHashes& suffixes, int count, CodedHost* out,
                       Wanted is_wanted, Visitor visit) const {
  out->suffix_count = 0;
  out->root_count = 0;
  size_t cut = host.size();
  const int root =
      is_address ? kAddressRoot : LongestRoot(host, suffixes, count, out, &cut);
  const size_t begin = count > 0 ? suffixes.begin[count - 1] : 0;
  uint64_t open = roots_[root].word;  // bits not yet in out->words
  int open_bits = roots_[root].word_length;
  int words = 0;
  const int placed_bits = place_bits_ + kSpreadBits;
  uint64_t shared_place = 0;
  bool has_shared_place = false;
  const auto end_suffix = [&](size_t from, uint16_t end) {
    SuffixCode& suffix = out->suffixes[out->suffix_count++];
    const int bits = 64 * words + open_bits;
    suffix.bits = static_cast<uint16_t>(bits);
    suffix.end_word = end >> 4;
    suffix.end_length = end & 15;
    suffix.begin = static_cast<uint8_t>(from);
    if (!is_wanted(out->root_count + out->suffix_count - 1)) return;
    if (bits < placed_bits) {
      suffix.place = PlaceOf(open << (64 - open_bits) |
                             uint64_t{suffix.end_word}
                                 << (64 - open_bits - suffix.end_length));
    } else {
      if (!has_shared_place) {  // decided by what all longer ones share
        shared_place =
            PlaceOf(words > 0 ? out->words[0] : open << (64 - open_bits));
        has_shared_place = true;
      }
      suffix.place = shared_place;
    }
    visit(suffix);
  };
  unsigned last = 0, second = 0, third = 0;
  for (size_t i = cut; i-- > begin;) {
    const uint8_t symbol = kSymbolOf[static_cast<uint8_t>(host[i])];
    const uint16_t* code =
        &words_[size_t{parts_.cluster_of[third * 1600 + second * 40 + last]} *
                kNameSymbols];
    if (symbol == kDotSymbol && !is_address)
      end_suffix(i + 1, code[kEndSymbol]);
    const unsigned word = code[symbol] >> 4;
    const int length = code[symbol] & 15;
    open_bits += length;
    if (open_bits < 64) [[likely]] {
      open = open << length | word;
    } else {
      open_bits -= 64;
      out->words[words++] = open << (length - open_bits) | word >> open_bits;
      open = word & ((1u << open_bits) - 1);
    }
    third = second;
    second = last;
    last = symbol + 1u;
  }
  if (cut > begin) {
    end_suffix(
        begin,
        words_[size_t{parts_.cluster_of[third * 1600 + second * 40 + last]} *
                   kNameSymbols +
               kEndSymbol]);
  }
  out->words[words] = open_bits > 0 ? open << (64 - open_bits) : 0;
  out->words[words + 1] = 0;
}

}  // namespace schoolgate::rules
