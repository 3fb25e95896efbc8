#include "rules/bundle/delta.h"

#include <algorithm>
#include <bit>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "rules/bundle/bucket.h"
#include "rules/bundle/bundle_index.h"
#include "rules/bundle/delta_entries.h"
#include "rules/bundle/delta_file.h"
#include "rules/bundle/little_endian.h"

namespace schoolgate::rules {
namespace {

constexpr size_t kIndexPadding = 16;

struct OpenBundle {
  std::unique_ptr<const BundleFile> file;
  std::unique_ptr<CategoryIndex> index;

  std::string_view Text(std::string_view section) const {
    return AsText(*file->Section(section));
  }
};

// Whether the sections are those that "build" writes, in its order.
bool HasKnownSections(const v1::BundleManifest& manifest) {
  const auto& sections = manifest.sections();
  if (sections.size() != 2 + std::ssize(kIndexSections) ||
      sections[0].name() != "policy" || sections[1].name() != "lists") {
    return false;
  }
  for (int i = 0; i < std::ssize(kIndexSections); ++i) {
    if (sections[2 + i].name() != kIndexSections[i]) return false;
  }
  return true;
}

absl::StatusOr<OpenBundle> OpenWhole(const std::string& path) {
  OpenBundle bundle;
  auto file = BundleFile::Open(path);
  if (!file.ok()) return file.status();
  bundle.file = *std::move(file);
  if (!HasKnownSections(bundle.file->manifest())) {
    return absl::FailedPreconditionError(
        path +
        ": has sections that a delta does not know: fetch the whole "
        "bundle");
  }
  for (const char* name : {"policy", "lists", "model", "directory", "pages"}) {
    if (auto status = bundle.file->VerifySection(name); !status.ok()) {
      return status;
    }
  }
  const auto sections = IndexSectionsOf(*bundle.file);
  if (!sections.ok()) return sections.status();
  auto index = CategoryIndex::Open(*sections);
  if (!index.ok()) return index.status();
  bundle.index = *std::move(index);
  return bundle;
}

absl::Status DamagedBucket(const OpenBundle& bundle, uint64_t number) {
  return absl::DataLossError(absl::StrCat(bundle.file->path(),
                                          ": is damaged in bucket ", number,
                                          ": fetch the whole bundle"));
}

absl::Status ReadBucket(const OpenBundle& bundle, uint64_t number,
                        std::vector<BucketEntry>* entries) {
  entries->clear();
  const auto bytes = bundle.index->BucketBytes(number);
  if (bytes.empty() ||
      !BucketReader(bundle.index->model(), bytes, number).ReadAll(entries)) {
    return DamagedBucket(bundle, number);
  }
  return absl::OkStatus();
}

// Notes what differs between two buckets.
class Comparison {
 public:
  Comparison(const NameModel& model, v1::BundleDelta* delta)
      : model_(model), delta_(delta) {}

  void Take(const std::vector<BucketEntry>& before,
            const std::vector<BucketEntry>& after) {
    size_t i = 0, j = 0;
    while (i < before.size() || j < after.size()) {
      if (j == after.size() || (i < before.size() && before[i] < after[j])) {
        Remove(ordinal_ + i++);
      } else if (i == before.size() || after[j] < before[i]) {
        Add(after[j++]);
      } else {
        if (before[i].set != after[j].set) {
          Remove(ordinal_ + i);
          Add(after[j]);
        }
        ++i;
        ++j;
      }
    }
    ordinal_ += before.size();
  }

 private:
  void Remove(uint64_t ordinal) {
    delta_->add_removed_gaps(static_cast<uint32_t>(ordinal - next_));
    next_ = ordinal + 1;
  }

  void Add(const BucketEntry& entry) {
    std::string name;
    model_.ReadTail(AsBytes(entry.tail), 0, entry.place, &name);
    if (delta_->added_sets_size() > 0)
      delta_->mutable_added_names()->push_back('\n');
    *delta_->mutable_added_names() += name;
    delta_->add_added_sets(entry.set);
  }

  const NameModel& model_;
  v1::BundleDelta* delta_;
  uint64_t ordinal_ = 0;  // of the bucket's first old entry
  uint64_t next_ = 0;     // that a gap counts from
};

void DescribeNew(const OpenBundle& after, v1::BundleDelta* delta) {
  delta->set_manifest(std::string(AsText(after.file->manifest_bytes())));
  delta->set_signatures(SerialiseExactly(after.file->signatures()));
  delta->set_policy(std::string(after.Text("policy")));
  delta->set_lists(std::string(after.Text("lists")));
  const IndexDirectory& directory = after.index->directory();
  for (const std::string& id : directory.categories()) {
    delta->add_categories(id);
  }
  for (const CategorySet& set : directory.sets()) {
    for (const uint64_t word : set.words()) delta->add_set_words(word);
  }
  const size_t roots = after.index->model().parts().roots.size();
  for (size_t root = 0; root < roots; ++root) {
    const uint16_t set = directory.root_set(static_cast<uint16_t>(root));
    if (set == kNoSet) continue;
    delta->add_listed_roots(static_cast<uint32_t>(root));
    delta->add_listed_roots(set);
  }
  delta->set_entries(directory.entries());
}

// Notes the filter's bits that do not follow from the names that come: roots
// that are listed now, and what releases between the two have left behind.
absl::Status DescribeFilter(const OpenBundle& before, const OpenBundle& after,
                            v1::BundleDelta* delta) {
  std::string made(AsText(before.index->filter_bytes()));
  const std::span<uint8_t> bytes(reinterpret_cast<uint8_t*>(made.data()),
                                 made.size());
  const auto wanted = after.index->filter_bytes();
  if (delta->added_sets_size() > 0) {
    for (const absl::string_view name :
         absl::StrSplit(absl::string_view(delta->added_names()), '\n')) {
      for (const uint64_t bit :
           FilterBitsIn(bytes.size(), FilterHashOf(name))) {
        SetBit(bit, bytes);
      }
    }
  }
  bool fits = wanted.size() == bytes.size();
  uint64_t next = 0;
  for (size_t i = 0; fits && i < bytes.size(); ++i) {
    fits = (bytes[i] & ~wanted[i]) == 0;
    for (unsigned rest = wanted[i] & ~bytes[i]; rest != 0; rest &= rest - 1) {
      const uint64_t bit =
          i * 8 + static_cast<uint64_t>(std::countr_zero(rest));
      delta->add_filter_gaps(bit - next);
      next = bit + 1;
    }
  }
  if (fits) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      after.file->path(), ": was not built on ", before.file->path(),
      ": build it with --base, or send the whole bundle"));
}

// Writes sections "index" and "filter" of the new bundle, reading those of the
// old one as a stream.
class Merge {
 public:
  Merge(const OpenBundle& old, const v1::BundleDelta& delta,
        std::vector<Placed> added, BundleWriter* writer)
      : old_(old), delta_(delta), added_(std::move(added)), writer_(writer) {
    NextRemoved();
  }

  absl::Status WriteIndex() {
    for (uint64_t bucket = 0; bucket < old_.index->buckets(); ++bucket) {
      begins_.push_back(static_cast<uint32_t>(written_));
      if (auto status = MergeBucket(bucket); !status.ok()) return status;
    }
    out_.append(kIndexPadding, '\0');
    if (auto status = Flush(true); !status.ok()) return status;
    return writer_->EndSection();
  }

  absl::Status WriteFilter(std::span<const uint32_t> bits) {
    const auto old = old_.index->filter_bytes();
    for (size_t at = 0; at < old.size(); at += kPiece) {
      const auto piece = old.subspan(at, std::min(kPiece, old.size() - at));
      out_.assign(AsText(piece));
      const std::span<uint8_t> bytes(reinterpret_cast<uint8_t*>(out_.data()),
                                     out_.size());
      for (; !bits.empty() && uint64_t{bits[0]} < (at + piece.size()) * 8;
           bits = bits.subspan(1)) {
        SetBit(bits[0] - at * 8, bytes);
      }
      if (auto status = Flush(true); !status.ok()) return status;
      old_.file->Forget(piece);
    }
    return writer_->EndSection();
  }

  std::string TakePages() { return std::move(pages_); }
  std::vector<uint32_t> TakeBegins() { return std::move(begins_); }

 private:
  static constexpr size_t kPiece = 16 * kPageBytes;

  absl::Status MergeBucket(uint64_t bucket) {
    const auto bytes = old_.index->BucketBytes(bucket);
    if (bytes.empty()) return DamagedBucket(old_, bucket);
    const auto section = *old_.file->Section("index");
    const auto begin = static_cast<size_t>(bytes.data() - section.data());
    if (begin >= forgotten_ + kPiece) {
      old_.file->Forget(section.subspan(forgotten_, begin - forgotten_));
      forgotten_ = begin / kPageBytes * kPageBytes;  // the page is in use
    }
    const uint32_t size =
        BucketReader(old_.index->model(), bytes, bucket).size();
    const bool grows = next_added_ < added_.size() &&
                       added_[next_added_].place >> kPlaceBelowBucket == bucket;
    const bool last = bucket + 1 == old_.index->buckets();  // padding follows
    if (!grows && !last && removed_ - ordinal_ >= size) {
      ordinal_ += size;
      out_.append(AsText(bytes));
      written_ += bytes.size();
      return Flush(false);
    }
    return RewriteBucket(bucket);
  }

  absl::Status RewriteBucket(uint64_t bucket) {
    if (auto status = ReadBucket(old_, bucket, &before_); !status.ok()) {
      return status;
    }
    after_.clear();
    for (BucketEntry& entry : before_) {
      if (ordinal_++ == removed_) {
        NextRemoved();
      } else {
        after_.push_back(std::move(entry));
      }
    }
    const size_t kept = after_.size();
    while (next_added_ < added_.size() &&
           added_[next_added_].place >> kPlaceBelowBucket == bucket) {
      after_.push_back(
          EntryOf(old_.index->model(), delta_, added_[next_added_++]));
    }
    std::inplace_merge(after_.begin(),
                       after_.begin() + static_cast<std::ptrdiff_t>(kept),
                       after_.end());
    if (after_.size() > kBucketEntriesLimit) {
      return absl::DataLossError(
          "delta: overfills a bucket: fetch the whole "
          "bundle");
    }
    const size_t before = out_.size();
    AppendBucket(old_.index->model(), after_, &out_);
    written_ += out_.size() - before;
    return Flush(false);
  }

  void NextRemoved() {
    if (gap_ < delta_.removed_gaps_size()) {
      removed_ = from_ + delta_.removed_gaps(gap_++);
      from_ = removed_ + 1;
    } else {
      removed_ = UINT64_MAX;
    }
  }

  // Whole pages, or at the end everything.
  absl::Status Flush(bool all) {
    if (!all && out_.size() < kPiece) return absl::OkStatus();
    const size_t size =
        all ? out_.size() : out_.size() / kPageBytes * kPageBytes;
    const auto piece = AsBytes(out_).first(size);
    pages_ += PageGuard::DigestsOf(piece);
    if (auto status = writer_->Append(piece); !status.ok()) return status;
    out_.erase(0, size);
    return absl::OkStatus();
  }

  const OpenBundle& old_;
  const v1::BundleDelta& delta_;
  std::vector<Placed> added_;
  BundleWriter* writer_;
  std::vector<BucketEntry> before_, after_;
  std::string out_, pages_;
  std::vector<uint32_t> begins_;
  uint64_t written_ = 0, ordinal_ = 0, removed_ = 0, from_ = 0;
  size_t forgotten_ = 0;  // of the old index
  int gap_ = 0;
  size_t next_added_ = 0;
};

absl::Status WriteSection(BundleWriter* writer, std::string_view bytes) {
  if (auto status = writer->Append(AsBytes(bytes)); !status.ok()) {
    return status;
  }
  return writer->EndSection();
}

absl::StatusOr<std::string> DirectoryOf(const v1::BundleDelta& delta,
                                        std::vector<uint32_t> begins) {
  DirectoryParts parts;
  parts.entries = delta.entries();
  parts.categories.assign(delta.categories().begin(), delta.categories().end());
  for (int i = 0; i + 1 < delta.set_words_size(); i += 2) {
    parts.sets.emplace_back().words() = {delta.set_words(i),
                                         delta.set_words(i + 1)};
  }
  for (int i = 0; i + 1 < delta.listed_roots_size(); i += 2) {
    parts.root_sets[static_cast<uint16_t>(delta.listed_roots(i))] =
        static_cast<uint16_t>(delta.listed_roots(i + 1));
  }
  parts.bucket_begins = std::move(begins);
  return SerialiseDirectory(parts);
}

}  // namespace

absl::StatusOr<DeltaReport> WriteDelta(const std::string& old_path,
                                       const std::string& new_path,
                                       const std::string& delta_path) {
  auto before = OpenWhole(old_path);
  if (!before.ok()) return before.status();
  auto after = OpenWhole(new_path);
  if (!after.ok()) return after.status();
  if (before->Text("model") != after->Text("model")) {
    return absl::FailedPreconditionError(
        absl::StrCat(new_path, ": was not built on ", old_path,
                     ": build it with --base, or send the whole bundle"));
  }
  v1::BundleDelta delta;
  delta.set_base_manifest_hash(Digest(before->file->manifest_bytes()));
  DescribeNew(*after, &delta);
  Comparison comparison(before->index->model(), &delta);
  std::vector<BucketEntry> old_entries, new_entries;
  for (uint64_t bucket = 0; bucket < before->index->buckets(); ++bucket) {
    auto status = ReadBucket(*before, bucket, &old_entries);
    if (status.ok()) status = ReadBucket(*after, bucket, &new_entries);
    if (!status.ok()) return status;
    comparison.Take(old_entries, new_entries);
  }
  if (auto status = DescribeFilter(*before, *after, &delta); !status.ok()) {
    return status;
  }
  const auto size = WriteDeltaFile(delta_path, delta);
  if (!size.ok()) return size.status();
  return DeltaReport{static_cast<uint64_t>(delta.removed_gaps_size()),
                     static_cast<uint64_t>(delta.added_sets_size()), *size,
                     after->file->file_bytes()};
}

absl::StatusOr<DeltaReport> ApplyDelta(const std::string& old_path,
                                       const std::string& delta_path,
                                       const std::string& out_path) {
  auto delta = ReadDeltaFile(delta_path);
  if (!delta.ok()) return delta.status();
  auto old = OpenWhole(old_path);
  if (!old.ok()) return old.status();
  if (Digest(old->file->manifest_bytes()) != delta->base_manifest_hash()) {
    return absl::FailedPreconditionError(
        absl::StrCat(delta_path, ": does not belong to ", old_path,
                     ": fetch the delta for it, or the whole bundle"));
  }
  auto added = PlaceAdded(old->index->model(), *delta);
  if (!added.ok()) return added.status();
  const auto bits = FilterBitsToSet(old->index->filter_bytes().size(), *delta);
  if (!bits.ok()) return bits.status();
  v1::BundleSignatures signatures;
  if (!signatures.ParseFromString(delta->signatures())) {
    return absl::DataLossError(delta_path +
                               ": its signatures cannot be read: "
                               "fetch the whole bundle");
  }
  auto writer = BundleWriter::Create(out_path, delta->manifest(), signatures);
  if (!writer.ok()) return writer.status();
  if (!HasKnownSections((*writer)->manifest())) {
    return absl::DataLossError(
        delta_path + ": names other sections: fetch the whole bundle");
  }
  Merge merge(*old, *delta, *std::move(added), writer->get());
  auto status = WriteSection(writer->get(), delta->policy());
  if (status.ok()) status = WriteSection(writer->get(), delta->lists());
  if (status.ok()) status = WriteSection(writer->get(), old->Text("model"));
  if (status.ok()) status = merge.WriteIndex();
  if (status.ok()) status = merge.WriteFilter(*bits);
  if (!status.ok()) return status;
  const auto directory = DirectoryOf(*delta, merge.TakeBegins());
  status = WriteSection(writer->get(), *directory);
  if (status.ok()) status = WriteSection(writer->get(), merge.TakePages());
  if (status.ok()) status = (*writer)->Commit();
  if (!status.ok()) return status;
  return DeltaReport{static_cast<uint64_t>(delta->removed_gaps_size()),
                     static_cast<uint64_t>(delta->added_sets_size()), 0, 0};
}

}  // namespace schoolgate::rules
