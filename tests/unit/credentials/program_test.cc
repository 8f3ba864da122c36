// The program as a process of its own, as a pod would run it. What it does with token services is
// in tests/conformance.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "base/version.h"
#include "tests/fakes/temporary_directory.h"

namespace stockade::credentials {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class ProgramTest : public ::testing::Test {
 protected:
  // The exit code; standard output, error and the message are then in the files.
  int Run(const std::string& arguments) {
    const std::string command = std::string(STOCKADE_CREDENTIALS) + " " + arguments +
                                " --message " + directory_.PathOf("message") + " >" +
                                directory_.PathOf("out") + " 2>" + directory_.PathOf("err") +
                                " </dev/null";
    const int status = std::system(command.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string Read(const std::string& name) {
    std::ifstream file(directory_.PathOf(name));
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
  [[nodiscard]] std::string Config() const {
    const std::string root = directory_.path();
    return " --config " +
           directory_.Write("config",
                            R"({"secrets": [{"credential": "index", "secret": "registry",)"
                            R"("key": "password", "file": ")" +
                                root +
                                R"(/password"}], "derived": [{"credential":)"
                                R"("index", "kind": "basic", "username": "u",)"
                                R"("passwordFile": ")" +
                                root + R"(/password", "file": ")" + root +
                                R"(/derived/index/basic"}]})");
  }

  testing::TemporaryDirectory directory_;
};

TEST_F(ProgramTest, AMissingKeyIsNamedInTheMessage) {
  EXPECT_EQ(Run("prepare" + Config()), 1);
  EXPECT_EQ(Read("message"),
            "credential \"index\": the Secret \"registry\" is not there, or has no key "
            "\"password\"\n");
  EXPECT_EQ(Read("err"), "stockade-credentials: " + Read("message"));
}

TEST_F(ProgramTest, WithItsKeyItPreparesAndIsReady) {
  directory_.Write("password", "hunter2");
  EXPECT_EQ(Run("ready" + Config()), 1);
  EXPECT_THAT(Read("err"), HasSubstr("credential \"index\" is not there yet"));
  EXPECT_EQ(Run("prepare" + Config()), 0);
  EXPECT_EQ(Read("out") + Read("err") + Read("message"), "");
  EXPECT_EQ(Read("derived/index/basic"), "dTpodW50ZXIy");
  EXPECT_EQ(Run("ready" + Config()), 0);
}

TEST_F(ProgramTest, AConfigurationThatCannotBeUsedIsWrongUsage) {
  const std::string file = directory_.Write("wrong", R"({"derived": [{"kind": "aws"}]})");
  EXPECT_EQ(Run("run --config " + file), 2);
  EXPECT_THAT(Read("message"), HasSubstr("derived[0].roleARN: is required"));
  EXPECT_THAT(Read("message"), StartsWith(file + ": "));
  EXPECT_EQ(Run("prepare --config /nonexistent"), 2);
  EXPECT_THAT(Read("message"), HasSubstr("/nonexistent"));
}

TEST_F(ProgramTest, WrongUsageIsToldAtOnce) {
  for (const char* arguments :
       {"", "prepare", "watch --config x", "run run --config x", "run --config x --deadline 0",
        "run --config x --deadline 3601", "run --config x --deadline 5s", "run --confg x"}) {
    EXPECT_EQ(Run(arguments), 2) << arguments;
    EXPECT_THAT(Read("err"), HasSubstr("(see --help)")) << arguments;
    EXPECT_EQ(Read("message"), "") << arguments;
  }
}

TEST_F(ProgramTest, SaysWhatItIs) {
  EXPECT_EQ(Run("--version"), 0);
  EXPECT_EQ(Read("out"), "stockade-credentials " STOCKADE_VERSION "\n");
  EXPECT_EQ(Run("--help"), 0);
  EXPECT_THAT(Read("out"), HasSubstr("prepare"));
  EXPECT_THAT(Read("out"), Not(HasSubstr("\t")));
}

}  // namespace
}  // namespace stockade::credentials
