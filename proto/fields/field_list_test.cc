#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "proto/event.pb.h"
#include "proto/uplink.pb.h"

namespace schoolgate {
namespace {

constexpr char kListPath[] = "docs/fields.md";
constexpr size_t kColumns = 4;  // field, what and why, kept, who sees it

// "Message.field" of a message and of all messages inside it.
void AddFields(const google::protobuf::Descriptor& message,
               std::set<std::string>* fields) {
  for (int i = 0; i < message.field_count(); ++i) {
    const google::protobuf::FieldDescriptor& field = *message.field(i);
    const bool is_new =
        fields->insert(message.name() + "." + field.name()).second;
    if (is_new && field.message_type() != nullptr) {
      AddFields(*field.message_type(), fields);
    }
  }
}

// Everything that a device can send: events, and what each call takes.
std::set<std::string> FieldsThatLeave() {
  std::set<std::string> fields;
  AddFields(*v1::Event::descriptor(), &fields);
  const auto& file = *v1::Hello::descriptor()->file();
  for (int i = 0; i < file.service_count(); ++i) {
    for (int j = 0; j < file.service(i)->method_count(); ++j) {
      AddFields(*file.service(i)->method(j)->input_type(), &fields);
    }
  }
  return fields;
}

std::vector<std::string> CellsOf(const std::string& row) {
  std::vector<std::string> cells;
  size_t start = 1;
  for (size_t bar = row.find('|', start); bar != std::string::npos;
       bar = row.find('|', start)) {
    const std::string cell = row.substr(start, bar - start);
    const size_t first = cell.find_first_not_of(' ');
    cells.push_back(
        first == std::string::npos
            ? ""
            : cell.substr(first, cell.find_last_not_of(' ') - first + 1));
    start = bar + 1;
  }
  return cells;
}

// The rows of the list by their field; rows of other tables are left out.
std::map<std::string, std::vector<std::string>> ReadRows() {
  std::map<std::string, std::vector<std::string>> rows;
  std::ifstream list(kListPath);
  EXPECT_TRUE(list.is_open()) << kListPath << " cannot be read";
  for (std::string line; std::getline(list, line);) {
    if (line.rfind("| `", 0) != 0) continue;
    std::vector<std::string> cells = CellsOf(line);
    const std::string field = cells[0].substr(1, cells[0].size() - 2);
    EXPECT_TRUE(rows.emplace(field, cells).second) << field << " stands twice";
  }
  return rows;
}

// Otherwise a device could send something that no person was told of.
TEST(FieldListTest, EveryFieldThatCanLeaveADeviceHasARow) {
  const auto rows = ReadRows();
  const std::set<std::string> fields = FieldsThatLeave();
  EXPECT_TRUE(fields.contains("Contact.host"));
  EXPECT_TRUE(fields.contains("Blindness.cause"));
  EXPECT_TRUE(fields.contains("EnrolRequest.hostname"));
  EXPECT_TRUE(fields.contains("Batch.records"));
  for (const std::string& field : fields) {
    EXPECT_TRUE(rows.contains(field))
        << field << ": has no row in " << kListPath
        << ": say there why it leaves the device, how long it is kept and who "
           "sees it";
  }
}

// Otherwise the list would promise things that are long gone.
TEST(FieldListTest, EveryRowNamesAFieldThatExists) {
  const std::set<std::string> fields = FieldsThatLeave();
  for (const auto& [field, cells] : ReadRows()) {
    EXPECT_TRUE(fields.contains(field))
        << field << ": no such field leaves a device: take the row out";
  }
}

TEST(FieldListTest, EveryRowSaysWhyHowLongAndWho) {
  for (const auto& [field, cells] : ReadRows()) {
    ASSERT_EQ(cells.size(), kColumns) << field;
    for (const std::string& cell : cells) EXPECT_FALSE(cell.empty()) << field;
  }
}

}  // namespace
}  // namespace schoolgate
