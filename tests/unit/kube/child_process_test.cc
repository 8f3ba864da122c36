#include "kube/child_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "tests/fakes/temporary_directory.h"

namespace stockade::kube {
namespace {

using std::chrono::milliseconds;
using stockade::testing::TemporaryDirectory;

ChildProgram Shell(const std::string& script) {
  ChildProgram program;
  program.path = "/bin/sh";
  program.arguments = {"sh", "-c", script};
  program.environment = {"PATH=/usr/bin:/bin"};
  return program;
}

// What a shell script prints, with the exit code after it, or the code's name.
std::string Outcome(const ChildProgram& program, const std::stop_token& stop = {}) {
  const Result<ChildOutcome> outcome = RunChild(program, stop);
  if (!outcome.ok()) return std::string(StatusCodeName(outcome.status().code()));
  return outcome->output + "/" + std::to_string(outcome->exit_code);
}
std::string Outcome(const std::string& script) { return Outcome(Shell(script)); }

TEST(ChildProcessTest, GivesOutputAndExitCode) {
  EXPECT_EQ(Outcome("echo out; echo lost on standard error >&2"), "out\n/0");
  EXPECT_EQ(Outcome("printf a; exit 3"), "a/3");
  EXPECT_EQ(Outcome("kill -9 $$"), "/137") << "128 and the signal, as the shell has it";
}

TEST(ChildProcessTest, PassesArgumentsAndExactlyTheEnvironmentThatItIsGiven) {
  ChildProgram program = Shell(R"(echo "$0,$1,$2,$#")");
  program.arguments = {"sh", "-c", program.arguments[2], "a b", "", "$c"};
  EXPECT_EQ(Outcome(program), "a b,,$c,2\n/0");
  ChildProgram env = Shell("");
  env.path = "/usr/bin/env";
  env.arguments = {"env"};
  env.environment = {"A=1", "B=x y"};
  EXPECT_EQ(Outcome(env), "A=1\nB=x y\n/0");
}

TEST(ChildProcessTest, ReadsMoreThanAPipeHolds) {
  ChildProgram program = Shell("head -c 1000000 /dev/zero");
  const auto outcome = RunChild(program, {});
  ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
  EXPECT_EQ(outcome->output, std::string(1000000, '\0'));
}

TEST(ChildProcessTest, GivesItNothingOfOursToReadOrHold) {
  EXPECT_EQ(Outcome("cat; echo end"), "end\n/0") << "standard input is empty";
  const TemporaryDirectory directory;
  const int descriptor = ::open(directory.path().c_str(), O_RDONLY | O_DIRECTORY);
  ASSERT_GE(descriptor, 0);
  const std::string name = "/proc/$$/fd/" + std::to_string(descriptor);
  EXPECT_EQ(Outcome("test -e " + name + " && echo leaked; true"), "/0");
  ::close(descriptor);
}

TEST(ChildProcessTest, SignalsAreAsByDefault) {
  sigset_t term;
  sigset_t before;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &term, &before);
  auto* const old = std::signal(SIGPIPE, SIG_IGN);
  const std::string masks = Outcome("sed -n 's/^Sig\\(Blk\\|Ign\\):\t//p' /proc/self/status");
  std::istringstream stream(masks);
  unsigned long long blocked = 0;
  unsigned long long ignored = 0;
  ASSERT_TRUE(stream >> std::hex >> blocked >> ignored) << masks;
  EXPECT_EQ(blocked, 0U);
  // But for the two that glibc keeps to itself, from 32 on.
  EXPECT_EQ(ignored & 0x7fffffffU, 0U);
  std::signal(SIGPIPE, old);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST(ChildProcessTest, KillsWhatTakesTooLong) {
  ChildProgram program = Shell("exec sleep 1000");
  program.timeout = milliseconds(50);
  EXPECT_EQ(Outcome(program), "DeadlineExceeded");
  // Without its standard output too.
  program = Shell("exec sleep 1000 >/dev/null");
  program.timeout = milliseconds(50);
  EXPECT_EQ(Outcome(program), "DeadlineExceeded");
}

TEST(ChildProcessTest, KillsWhatPrintsTooMuch) {
  ChildProgram program = Shell("yes");
  program.max_output_bytes = 5000;
  EXPECT_EQ(Outcome(program), "BadRequest");
  program = Shell("head -c 5000 /dev/zero");
  program.max_output_bytes = 5000;
  EXPECT_EQ(Outcome(program).size(), 5002U);
}

TEST(ChildProcessTest, DoesNotWaitForAnotherThatKeepsItsOutputOpen) {
  const TemporaryDirectory directory;
  const std::string fifo = directory.PathOf("fifo");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  // The one in the background ends when the test closes the other end.
  const int end = ::open(fifo.c_str(), O_RDWR);
  EXPECT_EQ(Outcome("cat " + fifo + " & echo out"), "out\n/0");
  ::close(end);
}

TEST(ChildProcessTest, StopsAtOnceWithEverythingThatItStarted) {
  const TemporaryDirectory directory;
  const std::string fifo = directory.PathOf("fifo");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  std::string outcome;
  std::jthread runner([&](const std::stop_token& stop) {
    // The shell and its child hold the pipe open for writing.
    outcome = Outcome(Shell("exec 5>" + fifo + "; echo $$ >&5; sleep 1000 & wait"), stop);
  });
  std::ifstream pipe(fifo);
  pid_t pid = 0;
  pipe >> pid;
  ASSERT_GT(pid, 0);
  runner.request_stop();
  runner.join();
  EXPECT_EQ(outcome, "Cancelled");
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
  std::string rest;
  while (std::getline(pipe, rest)) {
  }
  EXPECT_TRUE(pipe.eof()) << "nobody holds the pipe any more";
}

TEST(ChildProcessTest, DoesNotStartWhatIsStoppedAlready) {
  std::stop_source source;
  source.request_stop();
  EXPECT_EQ(Outcome(Shell("echo out"), source.get_token()), "Cancelled");
}

TEST(ChildProcessTest, SaysThatItCannotBeStarted) {
  ChildProgram program = Shell("");
  program.path = "/nonexistent";
  const Status status = RunChild(program, {}).status();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_EQ(status.message(), "cannot be started: No such file or directory");
}

TEST(FindExecutableTest, SearchesAbsoluteDirectoriesInOrder) {
  const TemporaryDirectory directory;
  for (const char* name : {"a", "b"}) {
    std::filesystem::create_directory(directory.PathOf(name));
  }
  directory.Write("a/tool", "not executable");
  const std::string tool = directory.Write("b/tool", "#!/bin/sh\n");
  ::chmod(tool.c_str(), 0700);
  const std::string path = "::.:relative:" + directory.PathOf("a") + ":" + directory.PathOf("b");
  const auto found = FindExecutable("tool", path);
  ASSERT_TRUE(found.ok()) << found.status().ToString();
  EXPECT_EQ(*found, tool);
  EXPECT_EQ(FindExecutable("tool", directory.PathOf("a")).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(FindExecutable("tool", "").status().code(), StatusCode::kNotFound);
}

TEST(FindExecutableTest, APathIsNotSearched) {
  const TemporaryDirectory directory;
  const std::string tool = directory.Write("tool", "#!/bin/sh\n");
  EXPECT_EQ(FindExecutable(tool, "").status().code(), StatusCode::kBadRequest);
  ::chmod(tool.c_str(), 0700);
  EXPECT_TRUE(FindExecutable(tool, "").ok());
  EXPECT_EQ(FindExecutable(directory.path() + "/none", "").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(FindExecutable(directory.path() + "/", "").status().code(), StatusCode::kBadRequest);
}

}  // namespace
}  // namespace stockade::kube
