#include "kube/exec_plugin.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <map>
#include <utility>

#include "base/strings.h"
#include "kube/child_process.h"

namespace stockade::kube {
namespace {

constexpr std::size_t kMaxOutputBytes = std::size_t{1024} * 1024;
constexpr std::size_t kMaxHintBytes = 2000;

// This program's environment with what the plugin is to have besides.
std::vector<std::string> Environment(const ExecPluginConfig& plugin) {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos) {
      variables.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  for (const auto& [name, value] : plugin.environment) variables[name] = value;
  variables["KUBERNETES_EXEC_INFO"] = ExecInfo(plugin);
  std::vector<std::string> list;
  list.reserve(variables.size());
  for (const auto& [name, value] : variables) list.push_back(name + "=" + value);
  return list;
}

// Every signal is left to the threads that expect them, whenever this one is made.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

ExecPlugin::ExecPlugin(ExecPluginConfig config, ExecPluginOptions options)
    : config_(std::move(config)),
      clock_(options.clock ? std::move(options.clock) : std::make_shared<const SystemClock>()),
      timeout_(options.timeout) {}

// Stops and joins the thread first, whose stop token kills the run.
ExecPlugin::~ExecPlugin() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

Result<std::shared_ptr<const ExecCredential>> ExecPlugin::Current(TimePoint wait_until,
                                                                  const std::stop_token& stop) {
  const MutexLock lock(mutex_);
  if (Due()) Begin();
  if (!Usable() && running_) {
    finished_.wait_until(mutex_, stop, wait_until,
                         [this]() STOCKADE_REQUIRES(mutex_) { return Usable() || !running_; });
  }
  if (Usable()) return credential_;
  if (running_ && stop.stop_requested()) {
    return Status(StatusCode::kCancelled,
                  config_.where + ": is not waited for: this process is stopping");
  }
  if (running_) return Failure("is still being run");
  // It may have expired since the last run, which went well.
  const Status& failure = failure_.outcome();
  return failure.ok() ? Failure("printed a credential that has expired") : failure;
}

Status ExecPlugin::Prepare() {
  // A run ends by itself; the rest is for a machine that is slow to end it.
  return Current(std::chrono::steady_clock::now() + 2 * timeout_).status();
}

void ExecPlugin::OnUnauthorized() {
  const MutexLock lock(mutex_);
  if (!running_ && Rested()) Begin();
}

std::optional<Status> ExecPlugin::TakeFailure() {
  const MutexLock lock(mutex_);
  return failure_.Take();
}

bool ExecPlugin::Usable() const {
  return credential_ != nullptr && (!credential_->expires || clock_->Now() < *credential_->expires);
}

bool ExecPlugin::Rested() const { return !ended_at_ || clock_->SinceBoot() - *ended_at_ >= kPause; }

bool ExecPlugin::Due() const {
  if (running_ || !Rested()) return false;
  return credential_ == nullptr || (credential_->expires && clock_->Now() >= renew_at_);
}

void ExecPlugin::Begin() {
  running_ = true;
  if (thread_.joinable()) return begun_.notify_all();
  const SignalsBlocked blocked;
  try {
    thread_ = std::jthread([this](const std::stop_token& stop) { Serve(stop); });
  } catch (const std::exception& error) {
    Take(Failure(std::string("cannot be run: ") + error.what()));
  }
}

bool ExecPlugin::WaitForWork(const std::stop_token& stop) {
  const MutexLock lock(mutex_);
  return begun_.wait(mutex_, stop, [this]() STOCKADE_REQUIRES(mutex_) { return running_; });
}

void ExecPlugin::Serve(const std::stop_token& stop) {
  pthread_setname_np(pthread_self(), kThreadName);
  while (WaitForWork(stop)) {
    Result<ExecCredential> outcome = Failure("cannot be run");
    try {
      outcome = Run(stop);
    } catch (const std::exception& error) {
      outcome = Failure(std::string("cannot be run: ") + error.what());
    }
    const MutexLock lock(mutex_);
    Take(std::move(outcome));
  }
}

Result<ExecCredential> ExecPlugin::Run(const std::stop_token& stop) const {
  const char* const search_path = std::getenv("PATH");
  const Result<std::string> path =
      FindExecutable(config_.command, search_path != nullptr ? search_path : "");
  if (!path.ok()) {
    const std::string& hint = config_.install_hint;
    return Failure("cannot be run: " + path.status().message() +
                   (hint.empty() ? "; install it, or give its path" : "\n") +
                   Truncate(hint, kMaxHintBytes));
  }
  ChildProgram program;
  program.path = *path;
  program.arguments = config_.arguments;
  program.arguments.insert(program.arguments.begin(), config_.command);
  program.environment = Environment(config_);
  program.timeout = timeout_;
  program.max_output_bytes = kMaxOutputBytes;
  const Result<ChildOutcome> child = RunChild(program, stop);
  if (!child.ok()) {
    const bool late = child.status().code() == StatusCode::kDeadlineExceeded;
    return Failure(child.status().message() +
                   (late ? " and was killed; run it by hand to see what it waits for" : ""));
  }
  if (child->exit_code != 0) {
    return Failure("failed with exit code " + std::to_string(child->exit_code) +
                   "; what it said stands on standard error, or run it by hand");
  }
  Result<ExecCredential> credential = ParseExecCredential(child->output, config_.api_version);
  if (!credential.ok()) return Failure(credential.status().message());
  if (credential->expires && *credential->expires <= clock_->Now()) {
    return Failure("printed a credential that has expired already; is this machine's clock right?");
  }
  return credential;
}

void ExecPlugin::Take(Result<ExecCredential> outcome) {
  running_ = false;
  ended_at_ = clock_->SinceBoot();
  failure_.Set(outcome.status());
  if (outcome.ok()) {
    const auto now = clock_->Now();
    if (outcome->expires) {
      const auto left = *outcome->expires - now;
      renew_at_ = *outcome->expires - std::min<decltype(left)>(kEarly, left / 4);
    }
    credential_ = std::make_shared<const ExecCredential>(*std::move(outcome));
  }
  finished_.notify_all();
}

Status ExecPlugin::Failure(std::string_view what) const {
  return {StatusCode::kUnavailable,
          config_.where + ": the command \"" + config_.command + "\" " + std::string(what)};
}

}  // namespace stockade::kube
