// A mistake on the command line that is taken for a failure, or for nothing:
// a script goes on with a token that ends at another time, or a report about no
// day at all.
#include "collector/cli/option_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "collector/cli/data_directory.h"
#include "collector/cli/program_test.h"
#include "collector/cli/setup.h"
#include "collector/store/scratch_test.h"
#include "platform/clock.h"
#include "platform/written_time.h"

namespace schoolgate::collector {
namespace {

using testing::HasSubstr;

TEST(OptionWords, AnEndIsASpanADayOrAnInstant) {
  const absl::Time now = *platform::ReadInstant("2026-11-30T12:00:00Z");
  const absl::TimeZone zone = absl::FixedTimeZone(3600);
  const auto end = [&](const char* text) { return ReadEnd(text, now, zone); };
  EXPECT_EQ(*end("14d"), now + absl::Hours(14 * 24));
  EXPECT_EQ(*end("36h"), now + absl::Hours(36));
  EXPECT_EQ(*end("90m"), now + absl::Minutes(90));
  EXPECT_EQ(*end("2026-12-31T00:00:00Z"),
            *platform::ReadInstant("2026-12-31T00:00:00Z"));
  EXPECT_EQ(*end("2026-12-31"),
            *platform::ReadInstant("2027-01-01T00:00:00+01:00"));
  EXPECT_EQ(*end("2026-11-30"),
            *platform::ReadInstant("2026-12-01T00:00:00+01:00"))
      << "today is not over";
  for (const char* text :
       {"never", "", "0d", "-1h", "14", "2026-11-29", "2026-11-30T11:59:59Z",
        "2028-01-01", "4000d", "inf", "2026-12-32"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(end(text).status())) << text;
  }
}

TEST(OptionWords, AReportIsCsvOrHtml) {
  for (const char* file : {"a.csv", "a.CSV", "a.html", "a.htm", "-"}) {
    EXPECT_EQ(CheckReportFile(file), "") << file;
  }
  for (const char* file : {"a.pdf", "a.txt", "a", "csv", ""}) {
    EXPECT_THAT(CheckReportFile(file), HasSubstr("for PDF print")) << file;
  }
}

TEST(OptionWords, OurNameIsANameOrAnAddress) {
  for (const char* name :
       {"collector.oak.example", "oak-1", "192.0.2.7", "fd00::7", "::1"}) {
    EXPECT_EQ(CheckOwnName(name), "") << name;
  }
  for (const char* name : {"https://c.example", "c.example:4780", "a b", ""}) {
    EXPECT_THAT(CheckOwnName(name), HasSubstr("without https://")) << name;
  }
}

// The verbs as programs, over a collector with one school.
class WrongUsage : public testing::Test {
 protected:
  WrongUsage() {
    SetupRequest request;
    request.directory = directory_;
    request.school = "Oak";
    const auto made = collector::SetUp(request, platform::SystemClock().Now());
    EXPECT_TRUE(made.ok()) << made.status();
  }

  Done Run(const std::string& verb, const std::string& words) {
    return RunVerb(verb, directory_.path, words);
  }

  Scratch scratch_;
  const DataDirectory directory_{scratch_.path() + "/data"};
};

TEST_F(WrongUsage, ExitsWithTwoAndNamesTheVerbsHelp) {
  const struct {
    const char* verb;
    const char* words;
  } wrong[] = {
      {"enrol-token", "--expires never"},
      {"enrol-token", "--expires 0d"},
      {"enrol-token", "--expires 2020-01-01T00:00:00Z"},
      {"enrol-token", "--expires 2020-01-01"},
      {"enrol-token", "--collector collector.oak.example"},
      {"enrol-token", "--collector https://collector.oak.example:4780"},
      {"enrol-token", "--collector collector.oak.example:0"},
      {"report", "leads --school oak --from 1st --to 2026-09-30 -o x.csv"},
      {"report",
       "leads --school oak --from 2026-10-01 --to 2026-09-01 -o x.csv"},
      {"report",
       "governors --school oak --from 2026-09-02 --to 2026-09-30 -o x.csv"},
      {"report",
       "leads --school oak --from 2026-09-01 --to 2026-09-30 -o x.pdf"},
      {"report", ""},
      {"setup", "--school ''"},
      {"setup", "--school Elm --listen nonsense"},
      {"setup", "--school Elm --web 4443"},
      {"setup", "--school Elm --metrics nonsense"},
      {"setup", "--school Elm --name https://collector.elm.example"},
      {"setup", "--school Elm --name collector.elm.example:4780"},
      {"setup", "--school Elm --share-holder head"},
      {"publish", "bundle --soak soon"},
      {"publish", "bundle --rings --trial 3w"},
      {"publish", "bundle --canary D-4KQ7X2M9"},
      {"removal-token", ""},
      {"assign", "m.jones"},
      {"assign", "--device laptop"},
      {"feed-token", "--account lead"},
      {"identity", "--account lead"},
      {"feed-certificate", "--name a/b -o x"},
      {"split-key", "--school oak --share-holder head"},
      {"devices", "--nosuch"},
  };
  for (const auto& [verb, words] : wrong) {
    const Done done = Run(verb, words);
    EXPECT_EQ(done.code, 2) << verb << " " << words << ": " << done.text;
    EXPECT_THAT(done.text, testing::StartsWith("schoolgate-collector: "));
    EXPECT_THAT(done.text,
                testing::EndsWith(absl::StrCat(": see schoolgate-collector ",
                                               verb, " --help\n")))
        << words;
  }
  EXPECT_FALSE(std::filesystem::exists("x.csv"));
}

// What is left behind would be taken for a collector, or keep the next setup
// from making one.
TEST_F(WrongUsage, ASetupThatFailsLeavesNothingBehind) {
  const std::string other = scratch_.path() + "/other";
  for (const char* words :
       {"--school Elm --listen nonsense", "--school '?'",
        "--school Elm --root /nonexistent/root",
        "--school Elm --share-holder head",
        "--school Elm --database 'host=/nonexistent dbname=none'"}) {
    const Done done = RunVerb("setup", other, words);
    EXPECT_NE(done.code, 0) << words;
    EXPECT_FALSE(std::filesystem::exists(other)) << words << ": " << done.text;
  }
  // Nor do callers that ask without a command line.
  SetupRequest request;
  request.directory.path = other;
  request.school = "Elm";
  request.web = "nonsense";
  EXPECT_FALSE(collector::SetUp(request, platform::SystemClock().Now()).ok());
  EXPECT_FALSE(std::filesystem::exists(other));
}

TEST_F(WrongUsage, ASchoolThatIsNoneOfOursIsSaidByAllVerbs) {
  for (const char* verb :
       {"devices", "alerts", "cases", "rules", "enrol-token", "assign",
        "publish nosuch.bundle", "feed-certificate --name n -o x",
        "report leads --from 2026-09-01 --to 2026-09-30 -o -"}) {
    const Done done = Run(verb, "--school nosuch");
    EXPECT_EQ(done.code, 1) << verb << ": " << done.text;
    EXPECT_EQ(done.text,
              "schoolgate-collector: school nosuch: not one of ours: there "
              "are: oak\n")
        << verb;
  }
}

// Whoever finds an enrolment file that leaked has the whole token.
TEST_F(WrongUsage, ATokenIsWithdrawnWholeOrByItsId) {
  for (const char* key : {"token", "id"}) {
    const auto made = nlohmann::json::parse(Run("enrol-token", "--json").text,
                                            nullptr, false);
    ASSERT_TRUE(made.is_object());
    const Done done =
        Run("enrol-token", absl::StrCat("--withdraw ", made.value(key, "")));
    EXPECT_EQ(done.text,
              absl::StrCat("withdrawn: ", made.value("id", ""), "\n"));
  }
  const Done none = Run("enrol-token", "--withdraw 12345678");
  EXPECT_EQ(none.code, 1);
  EXPECT_THAT(none.text, HasSubstr("give the token, sg1.ID.SECRET"));
}

TEST_F(WrongUsage, NothingIsSaidInWordsWhereThereIsNothing) {
  EXPECT_EQ(Run("alerts", "").text, "no alerts\n");
  EXPECT_EQ(Run("alerts", "--school oak").text, "no alerts\n");
  EXPECT_EQ(Run("alerts", "--json").text, "");
  EXPECT_EQ(Run("devices", "").text, "no devices yet\n");
  EXPECT_EQ(Run("cases", "").text, "no open cases\n");
}

TEST_F(WrongUsage, OutputThatCannotBeWrittenIsSaidWithWhatToDo) {
  for (const char* words :
       {"report leads --school oak --from 2026-09-01 --to 2026-09-30",
        "enrol-token"}) {
    const Done done = Run(words, "-o /nonexistent/x.csv");
    EXPECT_EQ(done.code, 1) << words;
    EXPECT_EQ(done.text,
              "schoolgate-collector: /nonexistent/x.csv: cannot write: No such "
              "file or directory: check the path\n");
  }
}

TEST_F(WrongUsage, ADashIsStandardOutput) {
  const std::string days = "--school oak --from 2026-09-01 --to 2026-09-30";
  EXPECT_EQ(Run("report", absl::StrCat("leads ", days, " -o -")).text,
            "\"day\",\"group\",\"category\",\"action\",\"contacts\"\r\n");
  const Done token = Run("enrol-token", "--expires 2099-01-01 -o -");
  EXPECT_EQ(token.code, 2) << "more than a year";
  const auto printed =
      nlohmann::json::parse(Run("enrol-token", "-o -").text, nullptr, false);
  EXPECT_TRUE(printed.is_object() && printed.contains("token"));
  EXPECT_FALSE(std::filesystem::exists("-"));
}

TEST_F(WrongUsage, ATokenEndsWhenItWasSaid) {
  const absl::Time end = platform::SystemClock().Now() + absl::Hours(24 * 30);
  const std::string text =
      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", end, absl::UTCTimeZone());
  const Done done = Run("enrol-token", "--json --expires " + text);
  ASSERT_EQ(done.code, 0) << done.text;
  const auto token = nlohmann::json::parse(done.text);
  const auto expires =
      platform::ReadInstant(token["expires"].get<std::string>());
  EXPECT_EQ(expires, platform::ReadInstant(text));
}

}  // namespace
}  // namespace schoolgate::collector
