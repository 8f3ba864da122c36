// The program as a process of its own, as a pod would run it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "sockets.h"
#include "tests/fakes/temporary_directory.h"

namespace stockade::canary {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class ProgramTest : public ::testing::Test {
 protected:
  // The exit code; standard output and the message file are then in the members.
  int Run(const std::string& arguments) {
    const std::string command = std::string(STOCKADE_CANARY) + " " + arguments + " >" +
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
  [[nodiscard]] std::string MessageFlag() const {
    return " --message " + directory_.PathOf("message");
  }

  testing::TemporaryDirectory directory_;
  Listener gateway_;
  ClosedPort closed_;
};

TEST_F(ProgramTest, ShutIsSuccess) {
  EXPECT_EQ(Run("--shut " + closed_.text() + " --open " + gateway_.text() + MessageFlag()), 0);
  EXPECT_THAT(Read("message"), StartsWith(R"({"verdict":"Shut","rounds":1,)"));
  EXPECT_THAT(Read("message"), EndsWith("}\n"));
  EXPECT_EQ(Read("out"), Read("message"));
  EXPECT_EQ(Read("err"), "stockade-canary: the network is shut\n");
}

TEST_F(ProgramTest, OpenFailsAndNamesTheAddress) {
  const Listener open;
  EXPECT_EQ(Run("--shut " + closed_.text() + "," + open.text() +
                " --deadline 100 --interval 10 --timeout 10000" + MessageFlag()),
            1);
  EXPECT_THAT(Read("message"), StartsWith(R"({"verdict":"Open","open":[")" + open.text() + "\"],"));
}

TEST_F(ProgramTest, AGatewayThatDoesNotAnswerFailsOtherwise) {
  EXPECT_EQ(Run("--shut " + closed_.text() + " --open " + closed_.text() +
                " --deadline 100 --interval 10" + MessageFlag()),
            3);
  EXPECT_THAT(Read("message"),
              StartsWith(R"({"verdict":"Unanswered","address":")" + closed_.text()));
}

TEST_F(ProgramTest, AProbeIsOneRoundAndWritesNoMessage) {
  const Listener open;
  EXPECT_EQ(Run("--probe --shut " + open.text() + " --timeout 10000" + MessageFlag()), 1);
  EXPECT_THAT(Read("out"), HasSubstr("\"rounds\":1,"));
  EXPECT_EQ(Read("message"), "");
}

TEST_F(ProgramTest, AProbeWithADeadlineWaits) {
  EXPECT_EQ(Run("--probe --shut " + closed_.text() + " --open " + closed_.text() +
                " --deadline 1000 --interval 10" + MessageFlag()),
            3);
  EXPECT_THAT(Read("out"), Not(HasSubstr("\"rounds\":1,")));
  EXPECT_EQ(Read("message"), "");
}

TEST_F(ProgramTest, ACopyOfTheProgramProbesLikeItself) {
  const std::string copy = directory_.PathOf("copy");
  const std::string shut = " --shut " + closed_.text();
  // The second time over the first, as when its container starts again.
  EXPECT_EQ(Run("--copy-to " + copy + shut + MessageFlag()), 0);
  EXPECT_EQ(Run("--copy-to " + copy + shut + MessageFlag()), 0);
  EXPECT_EQ(std::system((copy + " --probe" + shut + " >" + directory_.PathOf("out")).c_str()), 0);
  EXPECT_THAT(Read("out"), StartsWith(R"({"verdict":"Shut","rounds":1,)"));
}

TEST_F(ProgramTest, WithoutTheCopyNothingIsTried) {
  EXPECT_EQ(Run("--copy-to /nonexistent/canary --shut " + closed_.text() + MessageFlag()), 4);
  EXPECT_THAT(Read("err"), HasSubstr("--copy-to: cannot write /nonexistent/canary.new"));
  EXPECT_EQ(Read("out"), "");
}

TEST_F(ProgramTest, AMessageThatCannotBeWrittenChangesNoVerdict) {
  EXPECT_EQ(Run("--shut " + closed_.text() + " --message /nonexistent/message"), 0);
  EXPECT_THAT(Read("err"), HasSubstr("cannot write the message file /nonexistent/message"));
}

TEST_F(ProgramTest, SaysWhatIsWrongWithItsArguments) {
  const struct {
    const char* arguments;
    const char* message;
  } kCases[] = {
      {"", "--shut is required"},
      {"--shut 10.96.0.1:443", "--shut: \"10.96.0.1:443\" does not begin with tcp://"},
      {"--shut tcp://127.0.0.1:1 --open udp://127.0.0.1:1", "--open must be an address of tcp://"},
      {"--shut tcp://127.0.0.1:1 --timeout 0", "--timeout must be from 1 to 3600000"},
      {"--shut tcp://127.0.0.1:1 --deadline 5s", "--deadline must be from 1 to 3600000"},
      {"--shutt tcp://127.0.0.1:1", "did you mean --shut?"},
  };
  for (const auto& test : kCases) {
    EXPECT_EQ(Run(test.arguments), 2) << test.arguments;
    EXPECT_THAT(Read("err"), HasSubstr(test.message)) << test.arguments;
  }
}

TEST_F(ProgramTest, TellsItsVersionAndItsUse) {
  EXPECT_EQ(Run("--version"), 0);
  EXPECT_THAT(Read("out"), StartsWith("stockade-canary "));
  EXPECT_EQ(Run("--help"), 0);
  EXPECT_THAT(Read("out"), HasSubstr("--shut ADDRESS"));
}

TEST_F(ProgramTest, TellsThatNothingUsesThePodByACodeOfItsOwn) {
  // Nobody here connects to that port, nor for long to any other.
  EXPECT_EQ(Run("idle --after 1 --proxy-port 1" + MessageFlag()), 10);
  EXPECT_EQ(Read("message"), "{\"verdict\":\"Idle\",\"seconds\":1}\n");
}

TEST_F(ProgramTest, IdleEndsWhenAskedTo) {
  const int status = std::system("timeout --preserve-status --signal=TERM 0.5 " STOCKADE_CANARY
                                 " idle --after 3600");
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(ProgramTest, IdleRefusesWhatItDoesNotUnderstand) {
  for (const char* arguments :
       {"idle", "idle --after 0", "idle --after x", "idle --after 5 --proxy-port 65536",
        "idle --after 5 --shut tcp://127.0.0.1:1"}) {
    EXPECT_EQ(Run(arguments), 2) << arguments;
  }
  EXPECT_EQ(Run("idle --help"), 0);
}

}  // namespace
}  // namespace stockade::canary
