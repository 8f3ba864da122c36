#include "base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <system_error>

namespace stockade {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  ~Descriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return descriptor_; }

 private:
  int descriptor_;
};

std::string ErrorText(int error) { return std::generic_category().message(error); }

enum class Source { kFile, kFileOrPipe };

Result<std::string> Read(Source source, std::size_t max_mebibytes, const std::string& path,
                         std::string_view what) {
  const auto refused = [&](const std::string& reason) {
    const std::string file = what.empty() ? path : "the " + std::string(what) + " \"" + path + "\"";
    return Status(StatusCode::kBadRequest, "cannot read " + file + ": " + reason);
  };
  const int waiting = source == Source::kFile ? O_NONBLOCK : 0;
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | waiting));
  if (file.get() < 0) return refused(ErrorText(errno));
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) return refused(ErrorText(errno));
  const bool is_pipe = S_ISFIFO(info.st_mode) || S_ISCHR(info.st_mode);
  if (source == Source::kFile && !S_ISREG(info.st_mode)) return refused("not a regular file");
  if (!S_ISREG(info.st_mode) && !is_pipe) return refused("neither a file nor a pipe");
  std::string text;
  std::array<char, 16384> block{};
  for (;;) {
    const ssize_t count = ::read(file.get(), block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return refused(ErrorText(errno));
    if (count == 0) return text;
    text.append(block.data(), static_cast<std::size_t>(count));
    if (text.size() > max_mebibytes << 20U) {
      return refused("larger than " + std::to_string(max_mebibytes) + " MiB");
    }
  }
}

}  // namespace

Result<std::string> ReadFileUpTo(std::size_t max_mebibytes, const std::string& path,
                                 std::string_view what) {
  return Read(Source::kFile, max_mebibytes, path, what);
}

Result<std::string> ReadFileOrPipeUpTo(std::size_t max_mebibytes, const std::string& path,
                                       std::string_view what) {
  return Read(Source::kFileOrPipe, max_mebibytes, path, what);
}

Result<std::string> ReadSmallFile(const std::string& path, std::string_view what) {
  return ReadFileUpTo(1, path, what);
}

}  // namespace stockade
