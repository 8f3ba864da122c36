#include "canary/idle.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string_view>
#include <thread>

#include "canary/activity.h"

namespace stockade::canary {
namespace {

using std::chrono::steady_clock;

// A connection that is gone from the tables before the next sample may go unseen.
constexpr std::chrono::milliseconds kInterval{500};

// In pieces: how many sockets there are is the agent's to say.
int ReadTable(const std::string& file, const std::function<void(std::string_view)>& add) {
  const int in = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (in < 0) return errno;
  std::array<char, 16384> buffer{};
  std::size_t kept = 0;  // of a line that is not complete yet
  int error = 0;
  for (;;) {
    const ssize_t size = ::read(in, buffer.data() + kept, buffer.size() - kept);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) error = errno;
    if (size <= 0) break;
    std::string_view text(buffer.data(), kept + static_cast<std::size_t>(size));
    for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
      add(text.substr(0, end));
      text.remove_prefix(end + 1);
    }
    // No line of a socket is that long.
    kept = text.size() < buffer.size() ? text.size() : 0;
    std::memmove(buffer.data(), text.data(), kept);
  }
  ::close(in);
  return error;
}

}  // namespace

bool IdleCount::Add(bool used, Time now) {
  const Time::duration since = now - last_;
  last_ = now;
  idle_ = used ? Time::duration::zero() : idle_ + std::min<Time::duration>(since, kLongestGap);
  return idle_ >= after_;
}

Status ReadTables(const std::string& directory, const std::function<void(std::string_view)>& add) {
  const std::string file = directory + "/tcp";
  if (const int error = ReadTable(file, add); error != 0) {
    return {StatusCode::kInternal,
            "cannot read " + file + ": " + std::strerror(error)};  // NOLINT(concurrency-mt-unsafe)
  }
  (void)ReadTable(directory + "/tcp6", add);
  return Status::Ok();
}

Status WaitUntilIdle(const IdleOptions& options) {
  Activity activity(options.proxy_port);
  IdleCount count(options.after, steady_clock::now());
  for (;;) {
    Status read =
        ReadTables(options.tables, [&activity](std::string_view line) { activity.Add(line); });
    if (!read.ok()) return read;
    if (count.Add(activity.Finish(), steady_clock::now())) return Status::Ok();
    std::this_thread::sleep_for(kInterval);
  }
}

}  // namespace stockade::canary
