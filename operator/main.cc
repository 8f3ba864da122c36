// stockade-operator: reconciles AgentSandbox resources into hardened pods.
#include <malloc.h>

#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/files.h"
#include "base/flags.h"
#include "base/log.h"
#include "base/strings.h"
#include "base/version.h"
#include "kube/client.h"
#include "kube/connection_config.h"
#include "kube/transport.h"
#include "operator/app.h"
#include "operator/config.h"
#include "operator/effective_config.h"
#include "operator/self_check.h"
#include "operator/uninstall_guard.h"
#include "pki/certificate.h"

namespace {

using stockade::Flag;
using stockade::Status;

constexpr int kExitUsage = 2;
constexpr int kExitFailure = 1;
constexpr int kExitLeadershipLost = 3;

constexpr Flag kFlags[] = {
    {"config", "FILE", "the configuration, kind OperatorConfiguration; defaults without it"},
    {"kubeconfig", "FILE",
     "how to reach the API server; without it $KUBECONFIG, else the pod's service account"},
    {"context", "NAME", "the kubeconfig's context; its current one without it"},
    {"print-config", "", "print the configuration with all that was not given, as JSON, and end"},
    {"self-check", "NAMESPACE",
     "try out webhook and operator with two suspended sandboxes there, say what is wrong, and end"},
    {"uninstall-guard", "SECONDS",
     "refuse while there are AgentSandboxes, release what is left of the boundary within that "
     "time, "
     "and end"},
    {"namespaces", "NAMES",
     "with --uninstall-guard: look into these alone, with commas between them; everywhere without "
     "it"},
    {"version", "", "print the version"},
    {"help", "", "print this text"},
};

int Fail(int code, const std::string& message) {
  std::fprintf(stderr, "stockade-operator: %s\n", message.c_str());
  return code;
}

stockade::Result<std::string> ReadPublicRoots(const std::string& path) {
  const auto text = stockade::ReadSmallFile(path);
  if (!text.ok()) return text.status();
  const auto bundle = stockade::pki::ParseBundle(*text);
  if (!bundle.ok()) return bundle.status();
  return stockade::pki::EncodeBundle(*bundle);
}

stockade::Result<stockade::sandbox_operator::OperatorConfig> LoadConfig(const std::string& path) {
  if (path.empty()) return stockade::sandbox_operator::OperatorConfig{};
  const auto text = stockade::ReadSmallFile(path);
  if (!text.ok()) return text.status();
  auto config = stockade::sandbox_operator::ParseOperatorConfig(*text);
  if (!config.ok()) return config.status().WithContext(path);
  if (!config->egress.public_roots_file.empty()) {
    const auto roots = ReadPublicRoots(config->egress.public_roots_file);
    if (!roots.ok()) return roots.status().WithContext(path + ": egress.publicRootsFile");
    config->egress.public_roots = *roots;
  }
  return config;
}

bool ParseSeconds(std::string_view text, std::chrono::nanoseconds& out) {
  int seconds = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  const bool number = error == std::errc() && rest == text.data() + text.size();
  if (!number || seconds < 1 || seconds > 3600) return false;
  out = std::chrono::seconds(seconds);
  return true;
}

// What the chart's hooks run, beside the operator that works or does not.
int RunOnce(const stockade::ParsedFlags& flags, const stockade::kube::ConnectionConfig& connection,
            const stockade::Clock& clock, stockade::Logger& logger) {
  stockade::kube::Client client(stockade::kube::MakeBeastTransport(
      std::make_shared<const stockade::kube::ConnectionConfig>(connection)));
  Status done;
  if (flags.Has("uninstall-guard")) {
    stockade::sandbox_operator::UninstallGuardOptions options;
    if (!ParseSeconds(flags.Value("uninstall-guard"), options.patience)) {
      return Fail(kExitUsage, "--uninstall-guard: must be a number of seconds from 1 to 3600");
    }
    if (flags.Has("namespaces")) {
      for (const std::string_view name : stockade::Split(flags.Value("namespaces"), ',')) {
        if (!stockade::IsDnsLabel(name)) {
          return Fail(kExitUsage, "--namespaces: \"" + std::string(name) +
                                      "\" must be the name of a namespace");
        }
        options.namespaces.emplace_back(name);
      }
    }
    done = stockade::sandbox_operator::UninstallGuard(client, clock, logger, options).Run();
  } else {
    stockade::sandbox_operator::SelfCheckOptions options;
    options.namespace_name = flags.Value("self-check");
    done = stockade::sandbox_operator::SelfCheck(client, clock, logger, options).Run();
  }
  return done.ok() ? 0 : Fail(kExitFailure, done.message());
}

}  // namespace

int main(int argc, char** argv) {
  const auto flags = stockade::ParseFlags(
      std::span<const char* const>(argv + 1, static_cast<std::size_t>(argc - 1)), kFlags);
  if (!flags.ok()) return Fail(kExitUsage, flags.status().message() + "; see --help");
  if (flags->Has("help")) {
    std::printf("Usage: stockade-operator [options]\n\n%s", stockade::FlagsHelp(kFlags).c_str());
    return 0;
  }
  if (flags->Has("version")) {
    std::printf("stockade-operator %s\n", STOCKADE_VERSION);
    return 0;
  }
  const auto config = LoadConfig(std::string(flags->Value("config")));
  if (!config.ok()) return Fail(kExitUsage, config.status().message());
  if (flags->Has("print-config")) {
    std::printf("%s\n", stockade::sandbox_operator::EffectiveConfig(*config).dump(2).c_str());
    return 0;
  }
  const auto connection = stockade::kube::LoadConnectionConfig(
      std::string(flags->Value("kubeconfig")), std::string(flags->Value("context")));
  if (!connection.ok()) return Fail(kExitUsage, connection.status().message());

  // Signals are taken by sigwait below and by no handler: every thread inherits this mask.
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  stockade::kube::InitializeCppRestThreads();
  // An arena for each thread would keep several times what is in use.
  mallopt(M_ARENA_MAX, 2);

  const stockade::SystemClock clock;
  stockade::Logger logger(clock, config->log_level);
  if (flags->Has("self-check") || flags->Has("uninstall-guard")) {
    return RunOnce(*flags, *connection, clock, logger);
  }
  // Another may lead by now: no destructor and no reconcile under way may run on.
  stockade::sandbox_operator::OperatorApp app(*config, *connection, clock, logger,
                                              [] { std::_Exit(kExitLeadershipLost); });
  if (const Status started = app.Start(); !started.ok()) {
    return Fail(kExitFailure, started.ToString());
  }
  int signal = 0;
  sigwait(&ending, &signal);
  logger.Info("operator is stopping", {{"signal", signal}});
  app.Stop();
  // All is told and given up by now: a name that is still being resolved would hold the end up.
  std::fflush(nullptr);
  std::_Exit(0);
}
