// stockade-webhook: the validating admission webhook.
#include <csignal>
#include <cstdio>
#include <memory>
#include <span>
#include <string>

#include "base/clock.h"
#include "base/flags.h"
#include "base/log.h"
#include "base/version.h"
#include "kube/connection_config.h"
#include "webhook/config.h"
#include "webhook/effective_config.h"
#include "webhook/program.h"

namespace {

constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;  // of the command line or of the configuration

constexpr stockade::Flag kFlags[] = {
    {"config", "FILE", "the configuration (required)"},
    {"kubeconfig", "FILE",
     "how to reach the API server; without it $KUBECONFIG, else the pod's service account"},
    {"context", "NAME", "the kubeconfig's context; its current one without it"},
    {"print-config", "", "print the configuration with all that was not given, as JSON, and exit"},
    {"version", "", "print the version and exit"},
    {"help", "", "print this and exit"},
};

int Fail(int code, const std::string& message) {
  std::fprintf(stderr, "stockade-webhook: %s\n", message.c_str());
  return code;
}

// The signals that end the program; blocked before any thread starts, so that every thread
// leaves them to the main one.
sigset_t BlockStopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

}  // namespace

int main(int argc, char** argv) {
  const std::span<const char* const> arguments(argv, static_cast<std::size_t>(argc));
  const auto flags = stockade::ParseFlags(arguments.subspan(argc > 0 ? 1 : 0), kFlags);
  if (!flags.ok()) return Fail(kExitUsage, flags.status().message() + " (see --help)");
  if (flags->Has("help")) {
    std::printf(
        "Judges every AgentSandbox before the API server stores it.\n\n"
        "Usage: stockade-webhook --config FILE\n%s",
        stockade::FlagsHelp(kFlags).c_str());
    return 0;
  }
  if (flags->Has("version")) {
    std::printf("stockade-webhook %s\n", STOCKADE_VERSION);
    return 0;
  }
  if (!flags->Has("config")) return Fail(kExitUsage, "--config FILE is required (see --help)");
  const auto config = stockade::webhook::LoadConfig(std::string(flags->Value("config")));
  if (!config.ok()) return Fail(kExitUsage, config.status().message());
  if (flags->Has("print-config")) {
    std::printf("%s\n", stockade::webhook::EffectiveConfig(*config).dump(2).c_str());
    return 0;
  }

  const auto connection = stockade::kube::LoadConnectionConfig(
      std::string(flags->Value("kubeconfig")), std::string(flags->Value("context")));
  if (!connection.ok()) return Fail(kExitUsage, connection.status().message());

  std::signal(SIGPIPE, SIG_IGN);
  const sigset_t stop_signals = BlockStopSignals();
  const stockade::SystemClock clock;
  stockade::Logger logger(clock, config->log_level);
  const stockade::Status status = stockade::webhook::Run(
      *config, std::make_shared<const stockade::kube::ConnectionConfig>(*connection), logger,
      [&stop_signals] {
        int signal = 0;
        sigwait(&stop_signals, &signal);
      });
  if (status.ok()) return 0;
  const bool usage = status.code() == stockade::StatusCode::kBadRequest;
  return Fail(usage ? kExitUsage : kExitFailure, status.message());
}
