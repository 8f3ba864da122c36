#include "kube/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/strings.h"

namespace stockade::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// How often the end of a child is looked for: nothing that can be polled on every kernel tells it.
constexpr milliseconds kLookWhileOpen{50};  // its standard output is open
constexpr milliseconds kLookWhenShut{2};    // it has shut it and is about to end

std::string ErrorText(int error) { return std::generic_category().message(error); }

class Descriptor {
 public:
  explicit Descriptor(int descriptor = -1) : descriptor_(descriptor) {}
  ~Descriptor() { Close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return descriptor_; }
  [[nodiscard]] bool open() const { return descriptor_ >= 0; }
  void Set(int descriptor) {
    Close();
    descriptor_ = descriptor;
  }
  void Close() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
  }

 private:
  int descriptor_;
};

// What posix_spawn is told, besides the program: descriptors, signals and the process group.
class SpawnSettings {
 public:
  explicit SpawnSettings(int output) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    // Asio's sockets do not close by themselves when a program is executed.
    posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
    posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigemptyset(&none);
    sigset_t all;
    sigfillset(&all);
    sigdelset(&all, SIGKILL);
    sigdelset(&all, SIGSTOP);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  ~SpawnSettings() {
    posix_spawnattr_destroy(&attributes_);
    posix_spawn_file_actions_destroy(&actions_);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  [[nodiscard]] const posix_spawn_file_actions_t* actions() const { return &actions_; }
  [[nodiscard]] const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  // posix_spawn takes them as they are and writes to none.
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// A process that was started and not waited for yet; killed with its group when that never happens.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  ~Child() {
    if (ended_) return;
    // Its number is nobody else's until it was waited for.
    ::kill(-pid_, SIGKILL);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // True once it has ended.
  bool Ended() {
    if (ended_) return true;
    int status = 0;
    const pid_t result = ::waitpid(pid_, &status, WNOHANG);
    if (result == 0 || (result < 0 && errno == EINTR)) return false;
    ended_ = true;
    // Where SIGCHLD is ignored the kernel keeps no exit code.
    if (result < 0) return true;
    exit_code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return true;
  }
  [[nodiscard]] int exit_code() const { return exit_code_; }

 private:
  const pid_t pid_;
  bool ended_ = false;
  int exit_code_ = 0;
};

// Reads what the child writes, until it ends or may not go on.
class Conversation {
 public:
  Conversation(const ChildProgram& program, Child& child, Descriptor& output, int stopped)
      : program_(program),
        child_(child),
        output_(output),
        stopped_(stopped),
        deadline_(steady_clock::now() + program.timeout) {}

  Result<ChildOutcome> Follow() {
    for (;;) {
      std::array<pollfd, 2> events{pollfd{stopped_, POLLIN, 0}, pollfd{output_.get(), POLLIN, 0}};
      ::poll(events.data(), events.size(), static_cast<int>(Patience().count()));
      if (events[0].revents != 0) return Status(StatusCode::kCancelled, "was stopped");
      if (events[1].revents != 0) {
        if (Status status = ReadSome(); !status.ok()) return status;
      } else if (child_.Ended()) {
        // Only when there is nothing left to read; another process may hold its output open.
        if (drained_ || !output_.open()) return ChildOutcome{std::move(text_), child_.exit_code()};
        drained_ = true;
      }
      if (!child_.Ended() && steady_clock::now() >= deadline_) {
        return Status(StatusCode::kDeadlineExceeded, "did not end in time");
      }
    }
  }

 private:
  [[nodiscard]] milliseconds Patience() const {
    if (drained_) return milliseconds(0);
    const auto left = std::chrono::ceil<milliseconds>(deadline_ - steady_clock::now());
    const milliseconds look = output_.open() ? kLookWhileOpen : kLookWhenShut;
    return std::clamp(left, milliseconds(0), look);
  }

  Status ReadSome() {
    std::array<char, 16384> block{};
    const ssize_t count = ::read(output_.get(), block.data(), block.size());
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) return Status::Ok();
    if (count <= 0) {
      output_.Close();
      return Status::Ok();
    }
    text_.append(block.data(), static_cast<std::size_t>(count));
    if (text_.size() <= program_.max_output_bytes) return Status::Ok();
    return {StatusCode::kBadRequest,
            "printed more than " + std::to_string(program_.max_output_bytes) + " bytes"};
  }

  const ChildProgram& program_;
  Child& child_;
  Descriptor& output_;
  const int stopped_;
  const steady_clock::time_point deadline_;
  std::string text_;
  bool drained_ = false;  // it has ended, and one more look tells whether all of it was read
};

Status NotStarted(int error) {
  return {StatusCode::kUnavailable, "cannot be started: " + ErrorText(error)};
}

}  // namespace

Result<ChildOutcome> RunChild(const ChildProgram& program, const std::stop_token& stop) {
  if (stop.stop_requested()) return Status(StatusCode::kCancelled, "was stopped");
  const Descriptor stopped(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  std::array<int, 2> ends{-1, -1};
  if (!stopped.open() || ::pipe2(ends.data(), O_CLOEXEC) != 0) return NotStarted(errno);
  Descriptor output(ends[0]);
  Descriptor input(ends[1]);
  const std::stop_callback wake(stop, [&stopped] {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(stopped.get(), &one, sizeof one);
  });

  const SpawnSettings settings(input.get());
  pid_t pid = 0;
  const int error =
      ::posix_spawn(&pid, program.path.c_str(), settings.actions(), settings.attributes(),
                    Pointers(program.arguments).data(), Pointers(program.environment).data());
  if (error != 0) return NotStarted(error);
  Child child(pid);
  input.Close();
  return Conversation(program, child, output, stopped.get()).Follow();
}

Result<std::string> FindExecutable(const std::string& command, const std::string& search_path) {
  const auto executable = [](const std::string& path) {
    struct stat info{};
    return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
           ::access(path.c_str(), X_OK) == 0;
  };
  if (command.find('/') != std::string::npos) {
    if (executable(command)) return command;
    if (::access(command.c_str(), F_OK) != 0) {
      return Status(StatusCode::kNotFound, "there is no file \"" + command + "\"");
    }
    return Status(StatusCode::kBadRequest, "\"" + command + "\" is no file that can be executed");
  }
  for (const std::string_view directory : Split(search_path, ':')) {
    // Never from wherever we happen to run.
    if (!directory.starts_with('/')) continue;
    std::string path = std::string(directory) + "/" + command;
    if (executable(path)) return path;
  }
  return Status(StatusCode::kNotFound,
                "no directory of PATH has an executable \"" + command + "\"");
}

}  // namespace stockade::kube
