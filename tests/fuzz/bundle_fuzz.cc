// What a publisher, a disk or a link may hold in place of a bundle or a delta:
// any bytes, or ("E") a sound bundle with bytes changed; with every hash made
// to fit, so that the readers behind the hashes are reached.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include "platform/check.h"
#include "rules/bundle/bundle_index.h"
#include "rules/bundle/delta_file.h"
#include "rules/bundle/entry_table.h"
#include "rules/bundle/little_endian.h"
#include "tests/fuzz/byte_edits.h"

namespace {

using namespace schoolgate::rules;  // NOLINT

constexpr const char* kHosts[] = {"example.org", "a.b.example.org",
                                  "adult.check.schoolgate.test", "192.0.2.1",
                                  "localhost"};

std::string SoundBundle() {
  EntryTable table;
  for (int i = 0; i < 400; ++i) {
    table.Add("site" + std::to_string(i * 7919) + ".example" +
                  std::to_string(i % 5) + ".org",
              i % 3);
  }
  for (const char* host : kHosts) table.Add(host, 1);
  const auto index =
      BuildIndex({"adult", "games", "news"}, table.Entries(), nullptr);
  SG_CHECK(index.ok());
  std::vector<SectionBytes> sections = {{"policy", {}}, {"lists", {}}};
  AppendIndexSections(*index, &sections);
  const std::string path = std::filesystem::temp_directory_path() /
                           ("bundle_fuzz-" + std::to_string(getpid()));
  SG_CHECK(WriteBundle(path, {}, {}, sections).ok());
  const auto bytes = ReadWholeFile(path, 1 << 24);
  std::filesystem::remove(path);
  SG_CHECK(bytes.ok());
  return *bytes;
}

void Ask(const IndexSections& sections) {
  const auto index = CategoryIndex::Open(sections);
  if (!index.ok()) return;
  for (const char* host : kHosts) {
    const auto name = HostName::Parse(host);
    const CategorySet all = (*index)->Categories(*name);
    SG_CHECK(static_cast<int>((*index)->Matches(*name).size()) == all.size());
  }
  (*index)->ForEachEntry([](const IndexEntry&) {}).IgnoreError();
}

// As a file: whoever made it need not have used our writer.
void ReadAsFile(std::string bytes) {
  const auto file = BundleFile::FromBytes(std::move(bytes), "fuzz");
  if (!file.ok()) return;
  (*file)->VerifySections().IgnoreError();
  const auto sections = IndexSectionsOf(**file);
  if (!sections.ok()) return;
  Ask(*sections);
  const std::string pages = PageGuard::DigestsOf(sections->index) +
                            PageGuard::DigestsOf(sections->filter);
  IndexSections forged = *sections;
  forged.pages = AsBytes(pages);
  Ask(forged);
}

// As what a delta unpacks from: its header made to fit.
void ReadAsDelta(std::string_view packed) {
  for (const uint64_t plain_size : {uint64_t{packed.size()}, uint64_t{4096}}) {
    std::string bytes("SGDELTA1");
    AppendLittle<uint64_t>(packed.size(), &bytes);
    AppendLittle<uint64_t>(plain_size, &bytes);
    bytes += Digest(AsBytes(packed));
    bytes += packed;
    (void)ParseDelta(bytes, "fuzz");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::string sound = SoundBundle();
  if (size > 0 && data[0] == 'E') {
    ReadAsFile(schoolgate::Edited(sound, data + 1, size - 1));
    return 0;
  }
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  ReadAsFile(bytes);
  (void)ParseDelta(bytes, "fuzz");
  ReadAsDelta(bytes);
  return 0;
}
