#include "canary/copy.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <utility>

namespace stockade::canary {
namespace {

constexpr const char* kThisProgram = "/proc/self/exe";
constexpr mode_t kMode = 0755;

// A file descriptor that is closed at the end.
class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  [[nodiscard]] int get() const { return descriptor_; }

 private:
  int descriptor_;
};

Status Failed(std::string_view what, const std::string& file) {
  return {StatusCode::kInternal, "cannot " + std::string(what) + " " + file + ": " +
                                     std::strerror(errno)};  // NOLINT(concurrency-mt-unsafe)
}

bool WriteAll(int descriptor, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t written = ::write(descriptor, data, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    data += written;
    size -= static_cast<std::size_t>(written);
  }
  return true;
}

}  // namespace

Status CopyProgramTo(const std::string& file) {
  const std::string unfinished = file + ".new";
  const File from(::open(kThisProgram, O_RDONLY | O_CLOEXEC));
  if (from.get() < 0) return Failed("read", kThisProgram);
  {
    const File to(::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kMode));
    if (to.get() < 0) return Failed("write", unfinished);
    std::array<char, 65536> buffer{};
    for (;;) {
      const ssize_t size = ::read(from.get(), buffer.data(), buffer.size());
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) return Failed("read", kThisProgram);
      if (size == 0) break;
      if (!WriteAll(to.get(), buffer.data(), static_cast<std::size_t>(size))) {
        return Failed("write", unfinished);
      }
    }
    // The mode that was asked for is less what the umask takes off.
    if (::fchmod(to.get(), kMode) != 0) return Failed("make executable", unfinished);
  }
  if (::rename(unfinished.c_str(), file.c_str()) != 0) return Failed("rename to", file);
  return Status::Ok();
}

}  // namespace stockade::canary
