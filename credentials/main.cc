// stockade-credentials: makes what the egress gateway's proxy adds to requests, of keys of Secrets
// and of the gateway's web identity token. It runs in the gateway's pod and never in a sandbox's.
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/files.h"
#include "base/flags.h"
#include "base/log.h"
#include "base/status.h"
#include "base/version.h"
#include "credentials/config.h"
#include "credentials/prepare.h"
#include "credentials/run.h"
#include "credentials/write_file.h"

namespace {

using stockade::Result;
using stockade::Status;
using stockade::StatusCode;

constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;
constexpr unsigned kLongestDeadline = 3600;

constexpr stockade::Flag kFlags[] = {
    {"config", "FILE", "what to make of what, as the operator renders it (required)"},
    {"message", "FILE", "where a failure is told in one line; /dev/termination-log without it"},
    {"deadline", "SECONDS", "of run, for the first exchanges; 60 without it"},
    {"version", "", "print the version and exit"},
    {"help", "", "print this and exit"},
};

void PrintHelp() {
  std::printf(
      "Makes the files from which an egress gateway's proxy takes its credentials.\n\n"
      "Usage: stockade-credentials MODE --config FILE [options]\n"
      "  prepare   check every key of a Secret, write what needs no exchange, and end\n"
      "  run       keep all files current, until SIGTERM\n"
      "  ready     succeed when every file is there\n\n"
      "%s\n"
      "Exit codes: 0 done; 1 a credential cannot be had, and the message says which and why; 2 "
      "wrong\n"
      "usage or configuration.\n",
      stockade::FlagsHelp(kFlags).c_str());
}

int Usage(const std::string& message) {
  std::fprintf(stderr, "stockade-credentials: %s (see --help)\n", message.c_str());
  return kExitUsage;
}

// Whatever goes wrong with the message file is said and changes no exit code.
int Fail(int code, const stockade::ParsedFlags& flags, const std::string& message) {
  std::fprintf(stderr, "stockade-credentials: %s\n", message.c_str());
  const std::string file = flags.Has("message")
                               ? std::string(flags.Value("message"))
                               : std::string(stockade::credentials::kTerminationFile);
  const Status written = stockade::credentials::WriteTerminationMessage(file, message);
  if (!written.ok()) {
    std::fprintf(stderr, "stockade-credentials: %s\n", written.message().c_str());
  }
  return code;
}

Result<stockade::credentials::RunOptions> ReadOptions(const stockade::ParsedFlags& flags) {
  stockade::credentials::RunOptions options;
  if (!flags.Has("deadline")) return options;
  const std::string_view text = flags.Value("deadline");
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value == 0 ||
      value > kLongestDeadline) {
    return Status(StatusCode::kBadRequest, "--deadline must be from 1 to 3600 seconds");
  }
  options.deadline = std::chrono::seconds(value);
  return options;
}

Result<stockade::credentials::Config> LoadConfig(const std::string& path) {
  const auto text = stockade::ReadSmallFile(path);
  if (!text.ok()) return text.status();
  auto config = stockade::credentials::ParseConfig(*text);
  if (!config.ok()) return config.status().WithContext(path);
  return config;
}

}  // namespace

int main(int argc, char** argv) {
  const std::span<const char* const> arguments(argv, static_cast<std::size_t>(argc));
  const auto flags = stockade::ParseCommandLine(arguments.subspan(argc > 0 ? 1 : 0), kFlags);
  if (!flags.ok()) return Usage(flags.status().message());
  if (flags->Has("help")) {
    PrintHelp();
    return 0;
  }
  if (flags->Has("version")) {
    std::printf("stockade-credentials %s\n", STOCKADE_VERSION);
    return 0;
  }
  if (flags->arguments().size() != 1) return Usage("one of prepare, run and ready is required");
  const std::string& mode = flags->arguments().front();
  const bool runs = mode == "run";
  if (!runs && mode != "prepare" && mode != "ready") {
    return Usage("\"" + mode + "\" is none of prepare, run and ready");
  }
  if (!flags->Has("config")) return Usage("--config is required");
  const auto options = ReadOptions(*flags);
  if (!options.ok()) return Usage(options.status().message());
  const auto config = LoadConfig(std::string(flags->Value("config")));
  if (mode == "ready") {
    // A probe, which has no message of its own to leave.
    const Status ready = config.ok() ? stockade::credentials::CheckReady(*config) : config.status();
    if (!ready.ok()) std::fprintf(stderr, "stockade-credentials: %s\n", ready.message().c_str());
    return ready.ok() ? 0 : kExitFailure;
  }
  if (!config.ok()) return Fail(kExitUsage, *flags, config.status().message());
  // Whoever reads the log may go before this program.
  std::signal(SIGPIPE, SIG_IGN);
  const stockade::SystemClock clock;
  stockade::Logger logger(clock, stockade::LogLevel::kInfo);
  const Status done = runs ? stockade::credentials::Run(*config, *options, clock, logger)
                           : stockade::credentials::Prepare(*config);
  return done.ok() ? 0 : Fail(kExitFailure, *flags, done.message());
}
