// stockade-canary: tries from inside a pod whether its network is as shut as its policies say, and
// tells whether anybody uses it.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "api/names.h"
#include "base/flags.h"
#include "base/status.h"
#include "base/version.h"
#include "canary/check.h"
#include "canary/copy.h"
#include "canary/idle.h"
#include "canary/target.h"
#include "canary/verdict.h"

namespace {

using stockade::Result;
using stockade::Status;
using stockade::StatusCode;
using stockade::canary::CheckOptions;

constexpr int kExitUsage = 2;
constexpr int kExitUntried = 4;
constexpr std::string_view kMessageFile = "/dev/termination-log";

constexpr stockade::Flag kFlags[] = {
    {"shut", "ADDRESS[,ADDRESS]...",
     "what must not be reached (required): tcp://10.96.0.1:443,udp://[$(HOST_IP)]:53"},
    {"open", "ADDRESS", "what must answer, by TCP, or that the others are shut proves nothing"},
    {"timeout", "MILLISECONDS", "for one attempt; 1000 without it"},
    {"interval", "MILLISECONDS", "between two rounds; 100 without it"},
    {"deadline", "MILLISECONDS", "for all rounds; 30000 without it"},
    {"message", "FILE",
     "where the verdict goes as a line of JSON; /dev/termination-log without it"},
    {"probe", "", "no message file, and without a deadline one round: for a probe"},
    {"copy-to", "FILE", "first put this program there, for a container without one to probe with"},
    {"version", "", "print the version and exit"},
    {"help", "", "print this and exit"},
};

constexpr stockade::Flag kIdleFlags[] = {
    {"after", "SECONDS", "how long nothing may use the pod (required)"},
    {"proxy-port", "PORT", "where the agent's proxy listens; without it there is none"},
    {"message", "FILE", "where it is told as a line of JSON; /dev/termination-log without it"},
    {"help", "", "print this and exit"},
};

int Fail(const std::string& message) {
  std::fprintf(stderr, "stockade-canary: %s\n", message.c_str());
  return kExitUsage;
}

Status ReadMilliseconds(const stockade::ParsedFlags& flags, std::string_view name,
                        std::chrono::milliseconds& out) {
  if (!flags.Has(name)) return Status::Ok();
  const std::string_view text = flags.Value(name);
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  constexpr unsigned kMost = 3'600'000;
  if (error != std::errc() || end != text.data() + text.size() || value == 0 || value > kMost) {
    return {StatusCode::kBadRequest,
            "--" + std::string(name) + " must be from 1 to 3600000 milliseconds"};
  }
  out = std::chrono::milliseconds(value);
  return Status::Ok();
}

Result<CheckOptions> ReadOptions(const stockade::ParsedFlags& flags) {
  CheckOptions options;
  if (!flags.Has("shut")) return Status(StatusCode::kBadRequest, "--shut is required");
  const auto expanded = stockade::canary::ExpandVariables(flags.Value("shut"), ::getenv);
  if (!expanded.ok()) return expanded.status().WithContext("--shut");
  auto shut = stockade::canary::ParseTargets(*expanded);
  if (!shut.ok()) return shut.status().WithContext("--shut");
  options.shut = std::move(shut).value();
  if (flags.Has("open")) {
    auto open = stockade::canary::ParseTarget(flags.Value("open"));
    if (!open.ok()) return open.status().WithContext("--open");
    if (open->protocol != stockade::canary::Protocol::kTcp) {
      return Status(StatusCode::kBadRequest, "--open must be an address of tcp://");
    }
    options.open = std::move(open).value();
  }
  if (Status status = ReadMilliseconds(flags, "timeout", options.timeout); !status.ok())
    return status;
  if (Status status = ReadMilliseconds(flags, "interval", options.interval); !status.ok())
    return status;
  if (Status status = ReadMilliseconds(flags, "deadline", options.deadline); !status.ok())
    return status;
  if (flags.Has("probe") && !flags.Has("deadline")) {
    options.deadline = std::chrono::milliseconds::zero();
  }
  return options;
}

// The kubelet makes its file, and where there is no kubelet none is made. That it cannot be written
// is said and changes no verdict.
void WriteMessage(const std::string& given, const std::string& line) {
  const std::string file = given.empty() ? std::string(kMessageFile) : given;
  const int create = given.empty() ? 0 : O_CREAT;
  const int out = ::open(file.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC | create, 0644);
  if (out < 0 || ::write(out, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    std::fprintf(stderr, "stockade-canary: cannot write the message file %s: %s\n", file.c_str(),
                 std::strerror(errno));
  }
  if (out >= 0) ::close(out);
}

// The first process of a container does not end by a signal that it does not ask for.
void EndWhenAsked() {
  struct sigaction action{};
  action.sa_handler = [](int) { ::_exit(0); };
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGINT, &action, nullptr);
}

Result<std::int64_t> ReadNumber(const stockade::ParsedFlags& flags, std::string_view name,
                                std::int64_t most) {
  const std::string_view text = flags.Value(name);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1 || value > most) {
    return Status(StatusCode::kBadRequest,
                  "--" + std::string(name) + " must be from 1 to " + std::to_string(most));
  }
  return value;
}

// "stockade-canary idle": ends when nobody uses the pod any more.
int RunIdle(std::span<const char* const> arguments) {
  constexpr std::int64_t kMostSeconds = 315'360'000;
  constexpr std::int64_t kMostPort = 65535;
  const auto flags = stockade::ParseFlags(arguments, kIdleFlags);
  if (!flags.ok()) return Fail(flags.status().message() + " (see idle --help)");
  if (flags->Has("help")) {
    std::printf(
        "Ends with exit code %d once nothing has used the network of this pod for a time.\n\n"
        "Usage: stockade-canary idle --after SECONDS [options]\n%s",
        stockade::api::kIdleExitCode, stockade::FlagsHelp(kIdleFlags).c_str());
    return 0;
  }
  stockade::canary::IdleOptions options;
  const auto after = ReadNumber(*flags, "after", kMostSeconds);
  if (!after.ok()) return Fail(after.status().message() + " (see idle --help)");
  options.after = std::chrono::seconds(*after);
  if (flags->Has("proxy-port")) {
    const auto port = ReadNumber(*flags, "proxy-port", kMostPort);
    if (!port.ok()) return Fail(port.status().message() + " (see idle --help)");
    options.proxy_port = static_cast<std::uint16_t>(*port);
  }
  EndWhenAsked();
  if (const Status waited = stockade::canary::WaitUntilIdle(options); !waited.ok()) {
    std::fprintf(stderr, "stockade-canary: %s\n", waited.message().c_str());
    return kExitUntried;
  }
  const std::string json =
      R"({"verdict":"Idle","seconds":)" + std::to_string(options.after.count()) + "}\n";
  std::fputs(json.c_str(), stdout);
  WriteMessage(std::string(flags->Value("message")), json);
  return stockade::api::kIdleExitCode;
}

}  // namespace

int main(int argc, char** argv) {
  const std::span<const char* const> arguments(argv, static_cast<std::size_t>(argc));
  if (argc > 1 && std::string_view(argv[1]) == "idle") return RunIdle(arguments.subspan(2));
  const auto flags = stockade::ParseFlags(arguments.subspan(argc > 0 ? 1 : 0), kFlags);
  if (!flags.ok()) return Fail(flags.status().message() + " (see --help)");
  if (flags->Has("help")) {
    std::printf(
        "Tries whether the network of this pod is shut but for its gateway.\n\n"
        "Usage: stockade-canary --shut ADDRESS[,ADDRESS]... [options]\n"
        "       stockade-canary idle --after SECONDS [options]\n%s\n"
        "Exit codes: 0 shut; 1 an address that must be shut is open; 2 wrong usage; 3 the address\n"
        "that must answer does not; 4 it could not be tried.\n",
        stockade::FlagsHelp(kFlags).c_str());
    return 0;
  }
  if (flags->Has("version")) {
    std::printf("stockade-canary %s\n", STOCKADE_VERSION);
    return 0;
  }
  const auto options = ReadOptions(*flags);
  if (!options.ok()) return Fail(options.status().message() + " (see --help)");
  if (flags->Has("copy-to")) {
    const Status copied = stockade::canary::CopyProgramTo(std::string(flags->Value("copy-to")));
    if (!copied.ok()) {
      std::fprintf(stderr, "stockade-canary: --copy-to: %s\n", copied.message().c_str());
      return kExitUntried;
    }
  }
  const auto report = stockade::canary::Check(*options);
  const std::string json = stockade::canary::ToJson(report) + "\n";
  std::fputs(json.c_str(), stdout);
  std::fprintf(stderr, "stockade-canary: %s\n", stockade::canary::ToSentence(report).c_str());
  if (!flags->Has("probe")) {
    WriteMessage(std::string(flags->Value("message")), json);
  }
  return stockade::canary::ExitCode(report.verdict);
}
