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

}  // namespace

Result<std::string> ReadFileUpTo(std::size_t max_mebibytes, const std::string& path,
                                 std::string_view what) {
  const auto refused = [&](const std::string& reason) {
    const std::string file = what.empty() ? path : "the " + std::string(what) + " \"" + path + "\"";
    return Status(StatusCode::kBadRequest, "cannot read " + file + ": " + reason);
  };
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return refused(ErrorText(errno));
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) return refused(ErrorText(errno));
  if (!S_ISREG(info.st_mode)) return refused("not a regular file");
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

Result<std::string> ReadSmallFile(const std::string& path, std::string_view what) {
  return ReadFileUpTo(1, path, what);
}

}  // namespace stockade
