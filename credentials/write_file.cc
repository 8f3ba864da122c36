#include "credentials/write_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "base/strings.h"

namespace stockade::credentials {
namespace {

constexpr mode_t kFileMode = 0600;
constexpr std::size_t kMaxMessageBytes = 4000;

Status Failed(std::string_view what, const std::string& file, int error) {
  return {StatusCode::kInternal, "cannot " + std::string(what) + " " + file + ": " +
                                     std::generic_category().message(error)};
}

bool WriteAll(int descriptor, std::string_view data) {
  while (!data.empty()) {
    const ssize_t written = ::write(descriptor, data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    data.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

// Writes the whole and closes. 0 or the error.
int WriteTo(const std::string& file, int flags, std::string_view contents) {
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC | flags, kFileMode);
  if (descriptor < 0) return errno;
  const int failure = WriteAll(descriptor, contents) ? 0 : errno;
  return ::close(descriptor) != 0 && failure == 0 ? errno : failure;
}

}  // namespace

Status ReplaceFile(const std::string& file, std::string_view contents) {
  const std::string unfinished = file + ".new";
  if (const int error = WriteTo(unfinished, O_CREAT | O_NOFOLLOW, contents); error != 0) {
    ::unlink(unfinished.c_str());
    return Failed("write", unfinished, error);
  }
  if (::rename(unfinished.c_str(), file.c_str()) != 0) {
    const int error = errno;
    ::unlink(unfinished.c_str());
    return Failed("rename to", file, error);
  }
  return Status::Ok();
}

Status MakeDirectoryOf(const std::string& file) {
  const std::filesystem::path directory = std::filesystem::path(file).parent_path();
  std::error_code error;
  const bool made = std::filesystem::create_directories(directory, error);
  if (error) return Failed("make the directory", directory.string(), error.value());
  if (made) {
    std::filesystem::permissions(directory, std::filesystem::perms::owner_all, error);
    if (error) return Failed("protect the directory", directory.string(), error.value());
  }
  return Status::Ok();
}

Status WriteTerminationMessage(const std::string& file, std::string_view message) {
  const int create = file == kTerminationFile ? 0 : O_CREAT;
  const std::string text = Truncate(message, kMaxMessageBytes) + "\n";
  if (const int error = WriteTo(file, create, text); error != 0) {
    return Failed("write the message file", file, error);
  }
  return Status::Ok();
}

}  // namespace stockade::credentials
