// A replay would print lines that no program reads, hide a broken capture, or
// differ from run to run.
#include "agent/run/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "agent/run/replay_line.h"

namespace schoolgate::agent {
namespace {

using testing::HasSubstr;

// A pcap file with one query for WWW.Example.org, HTTPS, from 10.0.0.2.
constexpr unsigned char kCapture[] = {
    0xd4, 0xc3, 0xb2, 0xa1, 2,    0,   4,  0,   0,    0,    0,   0,    0,
    0,    0,    0,    0,    0,    4,   0,  101, 0,    0,    0,   0x90, 0x5d,
    0x01, 0x6b, 0x40, 0xe2, 0x01, 0,   61, 0,   0,    0,    61,  0,    0,
    0,    0x45, 0,    0,    61,   0,   1,  0,   0,    64,   17,  0,    0,
    10,   0,    0,    2,    10,   0,   0,  1,   0xc8, 0x22, 0,   53,   0,
    41,   0,    0,    0,    7,    1,   0,  0,   1,    0,    0,   0,    0,
    0,    0,    3,    'W',  'W',  'W', 7,  'E', 'x',  'a',  'm', 'p',  'l',
    'e',  3,    'o',  'r',  'g',  0,   0,  65,  0,    1};

struct Outcome {
  int exit_code;
  std::string out;
  std::string err;
};

Outcome ReplayOf(const ReplayOptions& options) {
  char* out = nullptr;
  char* err = nullptr;
  size_t out_size = 0;
  size_t err_size = 0;
  std::FILE* out_file = open_memstream(&out, &out_size);
  std::FILE* err_file = open_memstream(&err, &err_size);
  Outcome outcome;
  outcome.exit_code = Replay(options, out_file, err_file);
  std::fclose(out_file);
  std::fclose(err_file);
  outcome.out.assign(out, out_size);
  outcome.err.assign(err, err_size);
  std::free(out);
  std::free(err);
  return outcome;
}

class ReplayTest : public testing::Test {
 protected:
  ReplayTest() { Write(sizeof kCapture); }
  ~ReplayTest() override { std::remove(path_.c_str()); }

  void Write(size_t bytes) {
    std::ofstream(path_, std::ios::binary)
        .write(reinterpret_cast<const char*>(kCapture),
               static_cast<std::streamsize>(bytes));
  }

  std::string path_ =
      testing::TempDir() + "/replay_test." + std::to_string(getpid());
  ReplayOptions options_{
      .captures = {path_}, .all = true, .json = true, .dpi = "off"};
};

TEST_F(ReplayTest, PrintsOneObjectANameAndOneSummaryLine) {
  const Outcome outcome = ReplayOf(options_);
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out,
            "{\"file\":\"" + path_ +
                "\",\"time\":\"2026-11-21T09:00:00.123456Z\",\"frame\":1,"
                "\"source\":\"dns\",\"name\":\"www.example.org\","
                "\"qtype\":\"HTTPS\",\"transport\":\"udp\","
                "\"src\":\"10.0.0.2:51234\",\"dst\":\"10.0.0.1:53\","
                "\"alpn\":[],\"ech\":false,\"protocol\":\"\","
                "\"categories\":[],\"action\":\"allow\",\"rule\":\"\"}\n");
  EXPECT_THAT(outcome.err, HasSubstr("1 packets, 61 bytes, 1 flows, 1 names"));
  EXPECT_EQ(ReplayOf(options_).out, outcome.out);
}

TEST_F(ReplayTest, WithoutAllOnlyPolicyHits) {
  options_.all = false;
  const Outcome outcome = ReplayOf(options_);
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out, "");
}

TEST_F(ReplayTest, SaysWhatCannotBeReadAndReadsTheRest) {
  options_.captures = {path_ + ".none", path_};
  const Outcome missing = ReplayOf(options_);
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.out, HasSubstr("www.example.org"));
  Write(sizeof kCapture - 1);
  EXPECT_EQ(ReplayOf(options_).exit_code, 1);
}

TEST_F(ReplayTest, ABundleThatCannotBeOpenedEndsIt) {
  options_.rules = path_ + ".none";
  const Outcome outcome = ReplayOf(options_);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.out, "");
}

// Labels come after the names of a capture, the same each time, and change no
// name.
TEST_F(ReplayTest, LabelsFlowsAndLeavesNamesAsTheyAre) {
  options_.dpi = "on";
  const Outcome labelled = ReplayOf(options_);
  ASSERT_EQ(labelled.exit_code, 0) << labelled.err;
  EXPECT_THAT(labelled.err, HasSubstr("1 labels"));
  options_.dpi = "off";
  const std::string names = ReplayOf(options_).out;
  ASSERT_TRUE(labelled.out.starts_with(names));
  EXPECT_THAT(labelled.out.substr(names.size()),
              testing::AllOf(HasSubstr("\"source\":\"flow\",\"name\":\"\""),
                             HasSubstr("\"protocol\":\"DNS")));
  options_.dpi = "on";
  options_.captures = {path_, path_};
  const Outcome twice = ReplayOf(options_);
  EXPECT_EQ(twice.out, labelled.out + labelled.out);
}

TEST_F(ReplayTest, WithoutTheWorkerNamesAreToldAndTheLackIsSaid) {
  options_.dpi_program = path_ + ".none";
  options_.dpi = "auto";
  const Outcome outcome = ReplayOf(options_);
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("www.example.org"));
  EXPECT_THAT(outcome.err, HasSubstr("cannot be started"));
  options_.dpi = "on";
  EXPECT_EQ(ReplayOf(options_).exit_code, 1);
}

TEST(ReplayLine, WritesAddressesAsPeopleDo) {
  std::string text;
  Endpoint end;
  end.port = 443;
  end.address = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  AppendEndpoint(end, &text);
  EXPECT_EQ(text, "[2001:db8::1]:443");
  text.clear();
  end.address = {};
  AppendEndpoint(end, &text);
  EXPECT_EQ(text, "[::]:443");
  text.clear();
  end.address = {0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 3, 0, 0, 0, 4};
  AppendEndpoint(end, &text);
  EXPECT_EQ(text, "[1:0:2::3:0:4]:443");
  text.clear();
  AppendJsonString("a\"\\\x01\xe9", &text);
  EXPECT_EQ(text, "\"a\\\"\\\\\\u0001\\u00e9\"");
}

// What a JSON string cannot hold shows wherever it stands.
TEST(ReplayLine, EscapesEachByteInEachPlace) {
  for (int byte = 0; byte < 256; ++byte) {
    for (size_t place = 0; place < 18; ++place) {
      std::string name(18, 'a');
      name[place] = static_cast<char>(byte);
      std::string want = name.substr(0, place);
      char escaped[8];
      if (byte == '"' || byte == '\\') {
        want.append("\\").push_back(static_cast<char>(byte));
      } else if (byte < 0x20 || byte >= 0x7f) {
        std::snprintf(escaped, sizeof escaped, "\\u%04x", byte);
        want += escaped;
      } else {
        want.push_back(static_cast<char>(byte));
      }
      want += name.substr(place + 1);
      std::string text;
      AppendJsonString(name, &text);
      ASSERT_EQ(text, '"' + want + '"') << byte << " at " << place;
    }
  }
}

// One file name of another age must not make the whole output unreadable to
// what reads JSON.
TEST(ReplayLine, AFileNameIsUtf8OrIsMadeSo) {
  const auto file_in = [](const std::string& path) {
    JsonLines lines;
    lines.BeginFile(path);
    Observation seen;
    seen.frame = 1;
    std::string text;
    lines.Append(seen, rules::Decision(), &text);
    const auto json = nlohmann::json::parse(text, nullptr, false);
    return json.is_object() ? json["file"].get<std::string>() : "no JSON";
  };
  EXPECT_EQ(file_in("sch\u00fcler.pcap"), "sch\u00fcler.pcap");
  EXPECT_EQ(file_in("sch\xfcler.pcap"), "sch\\xfcler.pcap");
  EXPECT_EQ(file_in("cut \xe2\x82"), "cut \\xe2\\x82");
}

// People read labels, too: a line without one says nothing.
TEST(ReplayLine, ALabelIsReadAsText) {
  Observation seen;
  seen.source = NameSource::kFlow;
  seen.protocol = "TLS.YouTube";
  std::string text;
  AppendTextLine(seen, rules::Decision(), &text);
  EXPECT_THAT(text, HasSubstr(" flow TLS.YouTube allow\n"));
}

// Lines of one packet share what is the same, and nothing else.
TEST(ReplayLine, WritesWhatChangesFromNameToName) {
  JsonLines lines;
  lines.BeginFile("a.pcap");
  Observation seen;
  seen.frame = 7;
  seen.name = "a";
  const auto line = [&] {
    std::string text;
    lines.Append(seen, rules::Decision(), &text);
    JsonLines fresh;
    fresh.BeginFile("a.pcap");
    std::string alone;
    fresh.Append(seen, rules::Decision(), &alone);
    EXPECT_EQ(text, alone);
    return text;
  };
  std::set<std::string> all = {line()};
  const auto changed = [&] { EXPECT_TRUE(all.insert(line()).second); };
  seen.name = "b";
  changed();
  seen.qtype = 28;
  changed();
  seen.source = NameSource::kMdns;
  changed();
  seen.src.port = 5353;
  changed();
  seen.dst.address[3] = 1;
  changed();
  seen.transport = Transport::kTcp;
  changed();
  seen.time_us = 1;
  changed();
  seen.frame = 8;
  changed();
  const std::string before = line();
  lines.BeginFile("b.pcap");
  std::string after;
  lines.Append(seen, rules::Decision(), &after);
  EXPECT_THAT(after, HasSubstr("b.pcap"));
  EXPECT_NE(before, after);
}

}  // namespace
}  // namespace schoolgate::agent
