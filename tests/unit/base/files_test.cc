#include "base/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <string>
#include <thread>

#include "tests/fakes/temporary_directory.h"

namespace stockade {
namespace {

using stockade::testing::TemporaryDirectory;

TEST(ReadSmallFileTest, ReadsEveryByte) {
  const TemporaryDirectory directory;
  const std::string contents("a\0b\r\n\xff", 6);
  const auto read = ReadSmallFile(directory.Write("file", contents));
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(*read, contents);
}

TEST(ReadSmallFileTest, ReadsAnEmptyFile) {
  const TemporaryDirectory directory;
  const auto read = ReadSmallFile(directory.Write("file", ""));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read, "");
}

TEST(ReadSmallFileTest, TakesOneMebibyteAndNotAByteMore) {
  const TemporaryDirectory directory;
  constexpr std::size_t kMebibyte = std::size_t{1024} * 1024;
  const auto read = ReadSmallFile(directory.Write("file", std::string(kMebibyte, 'x')));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->size(), kMebibyte);

  const std::string large = directory.Write("large", std::string(kMebibyte + 1, 'x'));
  const Status status = ReadSmallFile(large).status();
  EXPECT_EQ(status.code(), StatusCode::kBadRequest);
  EXPECT_NE(status.message().find("larger than 1 MiB"), std::string::npos) << status.message();
}

TEST(ReadSmallFileTest, NamesTheFileThatIsMissing) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/missing";
  const Status status = ReadSmallFile(path).status();
  EXPECT_EQ(status.code(), StatusCode::kBadRequest);
  EXPECT_NE(status.message().find(path), std::string::npos) << status.message();
}

TEST(ReadSmallFileTest, RefusesWhatIsNoRegularFileWithoutBlocking) {
  const TemporaryDirectory directory;
  const std::string pipe = directory.path() + "/pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  for (const std::string& path : {pipe, directory.path(), std::string("/dev/zero")}) {
    const Status status = ReadSmallFile(path).status();
    EXPECT_EQ(status.code(), StatusCode::kBadRequest) << path;
    EXPECT_NE(status.message().find("not a regular file"), std::string::npos) << status.message();
  }
}

TEST(ReadFileOrPipeTest, WaitsForTheEndOfAPipe) {
  const TemporaryDirectory directory;
  const std::string pipe = directory.path() + "/pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::thread writer([&pipe] {
    std::ofstream file(pipe);
    file << "one" << std::flush << "two";
  });
  const auto text = ReadFileOrPipeUpTo(1, pipe);
  writer.join();
  ASSERT_TRUE(text.ok()) << text.status().ToString();
  EXPECT_EQ(*text, "onetwo");
  EXPECT_EQ(ReadFileOrPipeUpTo(1, "/dev/null").value(), "");
  EXPECT_EQ(ReadFileOrPipeUpTo(1, directory.Write("file", "x")).value(), "x");
}

TEST(ReadFileOrPipeTest, RefusesWhatIsNeitherAndWhatHasNoEnd) {
  const TemporaryDirectory directory;
  const auto message = [](const std::string& path) {
    return ReadFileOrPipeUpTo(1, path).status().message();
  };
  EXPECT_NE(message(directory.path()).find("neither a file nor a pipe"), std::string::npos);
  EXPECT_NE(message("/dev/zero").find("larger than 1 MiB"), std::string::npos);
}

}  // namespace
}  // namespace stockade
