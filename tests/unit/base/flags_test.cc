#include "base/flags.h"

#include <gtest/gtest.h>

#include <array>

namespace stockade {
namespace {

constexpr std::array kFlags = {
    Flag{.name = "config", .value = "FILE", .help = "the configuration"},
    Flag{.name = "log-level", .value = "LEVEL", .help = "the least level that is logged"},
    Flag{.name = "version", .value = "", .help = "print the version"},
};

Result<ParsedFlags> Parse(std::initializer_list<const char*> arguments) {
  return ParseFlags(std::vector<const char*>(arguments), kFlags);
}

TEST(ParseFlagsTest, TakesBothSpellingsOfAValue) {
  const auto flags = Parse({"--config", "a.yaml", "--log-level=debug", "--version"});
  ASSERT_TRUE(flags.ok()) << flags.status().ToString();
  EXPECT_EQ(flags->Value("config"), "a.yaml");
  EXPECT_EQ(flags->Value("log-level"), "debug");
  EXPECT_TRUE(flags->Has("version"));
  EXPECT_EQ(flags->Value("version"), "");
}

TEST(ParseFlagsTest, NothingGivenIsFine) {
  const auto flags = Parse({});
  ASSERT_TRUE(flags.ok());
  EXPECT_FALSE(flags->Has("config"));
  EXPECT_EQ(flags->Value("config"), "");
}

TEST(ParseFlagsTest, AValueMayHoldAnEqualsSignAndDashes) {
  const auto flags = Parse({"--config=a=b", "--log-level", "--x"});
  ASSERT_TRUE(flags.ok());
  EXPECT_EQ(flags->Value("config"), "a=b");
  EXPECT_EQ(flags->Value("log-level"), "--x");
}

TEST(ParseFlagsTest, OwnsItsText) {
  std::string argument = "--config=a-file-name-that-is-not-short.yaml";
  const auto flags = Parse({argument.c_str()});
  argument.assign(argument.size(), 'x');
  ASSERT_TRUE(flags.ok());
  EXPECT_EQ(flags->Value("config"), "a-file-name-that-is-not-short.yaml");
}

struct Mistake {
  const char* name;
  std::vector<const char*> arguments;
  const char* message;
};

class ParseFlagsMistakeTest : public ::testing::TestWithParam<Mistake> {};

TEST_P(ParseFlagsMistakeTest, IsToldToThePerson) {
  const auto flags = ParseFlags(GetParam().arguments, kFlags);
  EXPECT_EQ(flags.status().code(), StatusCode::kBadRequest);
  EXPECT_EQ(flags.status().message(), GetParam().message);
}

const Mistake kMistakes[] = {
    {"Positional", {"file"}, "unexpected argument \"file\""},
    {"OneDash", {"-config", "x"}, "unexpected argument \"-config\""},
    {"OnlyDashes", {"--"}, "unexpected argument \"--\""},
    {"Empty", {""}, "unexpected argument \"\""},
    {"Unknown", {"--replicas=2"}, "unknown option --replicas"},
    {"NoName", {"--=2"}, "unknown option --"},
    {"Typo", {"--confg=x"}, "unknown option --confg; did you mean --config?"},
    {"OtherCase", {"--Config=x"}, "unknown option --Config; did you mean --config?"},
    {"Twice", {"--config=a", "--config=b"}, "--config is given twice"},
    {"SwitchTwice", {"--version", "--version"}, "--version is given twice"},
    {"NoValueAtTheEnd", {"--config"}, "--config needs a value: --config FILE"},
    {"EmptyValue", {"--config="}, "--config needs a value: --config FILE"},
    {"EmptyNextArgument", {"--config", ""}, "--config needs a value: --config FILE"},
    {"ValueOfASwitch", {"--version=1"}, "--version takes no value"},
    {"ArgumentAfterASwitch", {"--version", "1"}, "unexpected argument \"1\""},
};

INSTANTIATE_TEST_SUITE_P(Mistakes, ParseFlagsMistakeTest, ::testing::ValuesIn(kMistakes),
                         [](const auto& param_info) { return param_info.param.name; });

// A program of several commands, as people know them from kubectl.
constexpr std::array kCommandFlags = {
    Flag{.name = "output", .value = "FORMAT", .help = "how it is printed", .letter = 'o'},
    Flag{.name = "policy", .value = "FILE", .help = "a policy", .repeated = true},
    Flag{.name = "quiet", .value = "", .help = "print nothing", .letter = 'q'},
};

Result<ParsedFlags> ParseCommand(std::initializer_list<const char*> arguments) {
  return ParseCommandLine(std::vector<const char*>(arguments), kCommandFlags);
}

TEST(ParseCommandLineTest, OptionsStandBetweenArguments) {
  const auto flags = ParseCommand({"a.yaml", "-o", "json", "--policy=p1", "-", "--policy", "p2"});
  ASSERT_TRUE(flags.ok()) << flags.status().ToString();
  EXPECT_EQ(flags->arguments(), (std::vector<std::string>{"a.yaml", "-"}));
  EXPECT_EQ(flags->Value("output"), "json");
  EXPECT_EQ(flags->Values("policy"), (std::vector<std::string>{"p1", "p2"}));
  EXPECT_EQ(flags->Value("policy"), "p1");
  EXPECT_FALSE(flags->Has("quiet"));
}

TEST(ParseCommandLineTest, LettersTakeTheirValueInAnySpelling) {
  for (const auto& arguments : {std::vector<const char*>{"-o", "json"}, {"-ojson"}, {"-o=json"}}) {
    const auto flags = ParseCommandLine(arguments, kCommandFlags);
    ASSERT_TRUE(flags.ok()) << flags.status().ToString();
    EXPECT_EQ(flags->Value("output"), "json");
  }
}

TEST(ParseCommandLineTest, NothingIsAnOptionAfterTwoDashes) {
  const auto flags = ParseCommand({"-q", "--", "--output", "-x", "--"});
  ASSERT_TRUE(flags.ok()) << flags.status().ToString();
  EXPECT_TRUE(flags->Has("quiet"));
  EXPECT_EQ(flags->arguments(), (std::vector<std::string>{"--output", "-x", "--"}));
}

TEST(ParseCommandLineTest, TellsMistakesInTheSpellingThatWasUsed) {
  EXPECT_EQ(ParseCommand({"-x"}).status().message(), "unknown option -x");
  EXPECT_EQ(ParseCommand({"-o"}).status().message(), "-o needs a value: -o FORMAT");
  EXPECT_EQ(ParseCommand({"-qx"}).status().message(), "-q takes no value");
  EXPECT_EQ(ParseCommand({"-o", "json", "--output", "text"}).status().message(),
            "--output is given twice");
  EXPECT_EQ(ParseCommand({"--polcy=x"}).status().message(),
            "unknown option --polcy; did you mean --policy?");
}

TEST(FlagsHelpTest, ShowsLettersWhereThereAreSome) {
  EXPECT_EQ(FlagsHelp(kCommandFlags),
            "  -o, --output FORMAT  how it is printed\n"
            "      --policy FILE    a policy\n"
            "  -q, --quiet          print nothing\n");
}

TEST(FlagsHelpTest, AlignsTheHelp) {
  EXPECT_EQ(FlagsHelp(kFlags),
            "  --config FILE      the configuration\n"
            "  --log-level LEVEL  the least level that is logged\n"
            "  --version          print the version\n");
  EXPECT_EQ(FlagsHelp({}), "");
}

}  // namespace
}  // namespace stockade
