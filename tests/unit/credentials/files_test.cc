// What becomes of Secrets' files: their checks, the files of kind basic, and how files are
// replaced.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "credentials/config.h"
#include "credentials/prepare.h"
#include "credentials/run.h"
#include "credentials/secret_value.h"
#include "credentials/write_file.h"
#include "tests/fakes/temporary_directory.h"

namespace stockade::credentials {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string Read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

class FilesTest : public ::testing::Test {
 protected:
  [[nodiscard]] SecretKey Secret(const std::string& credential) const {
    return {.credential = credential,
            .secret = "of-" + credential,
            .key = "key",
            .file = directory_.PathOf(credential)};
  }
  [[nodiscard]] Derived Basic(const std::string& credential) const {
    return {.credential = credential,
            .file = directory_.PathOf("derived/" + credential + "/basic"),
            .username = "robot",
            .password_file = directory_.PathOf(credential)};
  }

  testing::TemporaryDirectory directory_;
};

TEST_F(FilesTest, NamesEveryKeyThatCannotBeUsedAndNoValue) {
  directory_.Write("good", "value\n");
  directory_.Write("empty", "\r\n");
  directory_.Write("torn", "val\nue");
  directory_.Write("password", "pass\nword");  // encoded, so that it may hold anything
  Config config;
  for (const char* name : {"absent", "empty", "good", "password", "torn"}) {
    config.secrets.push_back(Secret(name));
  }
  config.derived = {Basic("password"), {.kind = DerivedKind::kGoogle, .credential = "model"}};
  const auto problems = FindProblems(config);
  EXPECT_THAT(
      problems,
      ElementsAre(
          R"(credential "absent": the Secret "of-absent" is not there, or has no key "key")",
          R"(credential "empty": the key "key" of the Secret "of-empty" is empty)",
          AllOf(
              HasSubstr(R"(credential "torn": the key "key" of the Secret "of-torn" holds a line)"),
              Not(HasSubstr("val"))),
          HasSubstr(R"(credential "model": the operator's configuration names no)")));
  const Status status = Prepare(config);
  EXPECT_EQ(status.code(), StatusCode::kBadRequest);
  for (const std::string& problem : problems) EXPECT_THAT(status.message(), HasSubstr(problem));
  EXPECT_FALSE(std::filesystem::exists(directory_.PathOf("derived")));
}

TEST_F(FilesTest, PreparationMakesDirectoriesAndFilesOfThisUserAlone) {
  directory_.Write("index", "pass:word\n");
  Config config;
  config.secrets = {Secret("index")};
  config.derived = {Basic("index"),
                    {.kind = DerivedKind::kAws,
                     .credential = "cloud",
                     .file = directory_.PathOf("derived/cloud/aws")}};
  ASSERT_TRUE(Prepare(config).ok());
  EXPECT_EQ(Read(config.derived[0].file), "cm9ib3Q6cGFzczp3b3Jk");  // robot:pass:word
  EXPECT_EQ(Read(config.derived[1].file), "[default]\n");           // for Envoy to watch
  EXPECT_FALSE(CheckReady(config).ok());
  struct stat info{};
  ASSERT_EQ(::stat(config.derived[0].file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  ASSERT_EQ(::stat(directory_.PathOf("derived/cloud").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);
  // Once more, as when the pod's init containers run again: what was exchanged stays.
  ASSERT_TRUE(ReplaceFile(config.derived[1].file, "[default]\naws_access_key_id=A\n").ok());
  EXPECT_TRUE(CheckReady(config).ok());
  EXPECT_TRUE(Prepare(config).ok());
  EXPECT_TRUE(CheckReady(config).ok());
}

TEST_F(FilesTest, ReadyIsWhoHasEveryFile) {
  Config config;
  EXPECT_TRUE(CheckReady(config).ok());
  config.derived = {Basic("index")};
  EXPECT_THAT(CheckReady(config).message(), HasSubstr("credential \"index\" is not there yet"));
  ASSERT_TRUE(MakeDirectoryOf(config.derived[0].file).ok());
  ASSERT_TRUE(ReplaceFile(config.derived[0].file, "").ok());
  EXPECT_FALSE(CheckReady(config).ok());
  ASSERT_TRUE(ReplaceFile(config.derived[0].file, "x").ok());
  EXPECT_TRUE(CheckReady(config).ok());
}

TEST_F(FilesTest, ReplacesByRenamingAndLeavesNothingBehind) {
  const std::string file = directory_.Write("file", "old");
  std::ifstream reader(file);
  ASSERT_TRUE(ReplaceFile(file, "new").ok());
  std::string seen;
  reader >> seen;
  EXPECT_EQ(seen, "old");  // who had opened it reads the old one to its end
  EXPECT_EQ(Read(file), "new");
  EXPECT_FALSE(std::filesystem::exists(file + ".new"));
  const Status failed = ReplaceFile(directory_.PathOf("nowhere/file"), "secret");
  EXPECT_EQ(failed.code(), StatusCode::kInternal);
  EXPECT_THAT(failed.message(), AllOf(HasSubstr("nowhere/file"), Not(HasSubstr("secret"))));
}

// Who can write to the directory gains nothing by a link in the place of the unfinished file.
TEST_F(FilesTest, FollowsNoLinkWhenItWrites) {
  const std::string target = directory_.Write("target", "untouched");
  std::filesystem::create_symlink(target, directory_.PathOf("file.new"));
  EXPECT_FALSE(ReplaceFile(directory_.PathOf("file"), "secret").ok());
  EXPECT_EQ(Read(target), "untouched");
}

TEST_F(FilesTest, MessagesFitWhatTheKubeletTakes) {
  const std::string file = directory_.PathOf("message");
  ASSERT_TRUE(WriteTerminationMessage(file, std::string(9000, 'x')).ok());
  EXPECT_LE(Read(file).size(), 4096U);
  ASSERT_TRUE(WriteTerminationMessage(file, "short").ok());
  EXPECT_EQ(Read(file), "short\n");
}

TEST_F(FilesTest, AChangedPasswordIsWrittenOnceAndAMissingOneKeepsTheFile) {
  const SystemClock clock;
  std::vector<std::string> lines;
  Logger logger(clock, LogLevel::kDebug, [&](std::string_view line) { lines.emplace_back(line); });
  directory_.Write("index", "first");
  Config config;
  config.derived = {Basic("index")};
  const Derived& derived = config.derived[0];
  ASSERT_TRUE(Prepare(config).ok());
  BasicFile basic(derived, logger);
  struct stat before{};
  ASSERT_EQ(::stat(derived.file.c_str(), &before), 0);
  basic.Update();
  struct stat after{};
  ASSERT_EQ(::stat(derived.file.c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
  EXPECT_THAT(lines, IsEmpty());

  directory_.Write("index", "second");
  basic.Update();
  EXPECT_EQ(Read(derived.file), "cm9ib3Q6c2Vjb25k");
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0], HasSubstr(R"("event":"credential written")"));

  for (const char* gone : {"", "\n"}) {
    directory_.Write("index", gone);
    basic.Update();
    basic.Update();
  }
  directory_.Remove("index");
  basic.Update();
  basic.Update();
  EXPECT_EQ(Read(derived.file), "cm9ib3Q6c2Vjb25k");
  ASSERT_EQ(lines.size(), 3U);  // empty, then missing, each once
  EXPECT_THAT(lines[1], HasSubstr("the one before stays in use"));

  directory_.Write("index", "third");
  basic.Update();
  EXPECT_EQ(Read(derived.file), "cm9ib3Q6dGhpcmQ=");
  for (const std::string& line : lines) {
    EXPECT_THAT(
        line, AllOf(Not(HasSubstr("second")), Not(HasSubstr("third")), Not(HasSubstr("cm9ib3Q6"))));
  }
}

}  // namespace
}  // namespace stockade::credentials
