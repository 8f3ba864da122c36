#include <pthread.h>

#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <random>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "cli/cluster.h"
#include "cli/command.h"
#include "cli/configuration.h"
#include "cli/dashboard_files.h"
#include "cli/options.h"
#include "cli/overview.h"
#include "http_server/server.h"

namespace stockade::cli {
namespace {

using std::chrono::steady_clock;

constexpr std::array kFlags = {
    Flag{.name = "namespace",
         .value = "NAME",
         .help = "the sandboxes' (default: the context's)",
         .letter = 'n'},
    Flag{.name = "all-namespaces", .value = "", .help = "those of every namespace", .letter = 'A'},
    Flag{.name = "port", .value = "PORT", .help = "of 127.0.0.1 (default: a free one)"},
    kConfigFlag,
    kKubeconfigFlag,
    kContextFlag,
    kHelpFlag,
};

constexpr std::string_view kHelp =
    "Serves a page on 127.0.0.1 that shows the sandboxes of a namespace: their controls, "
    "conditions\n"
    "and findings, and what gateways have let through and refused of late. It looks anew every "
    "two\n"
    "seconds, until it is interrupted. The address has a secret in it, so that nobody else who "
    "uses\n"
    "this machine, and no page of the web, can read what you may read.\n"
    "\n"
    "It reads AgentSandboxes and the pods and logs of gateways with your own rights, no Secret, "
    "and\n"
    "writes nothing.\n"
    "\n"
    "Exit codes: 0 it was interrupted, 2 an error.\n"
    "\n"
    "Examples:\n"
    "  $ stockade dashboard -n agents\n"
    "  $ stockade dashboard -A --port 8080\n";

// What no other page may do with this one, and what this one may load: its own files.
constexpr std::string_view kContentPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

// 128 bits.
std::string NewSecret() {
  std::random_device device;
  std::string secret;
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (int i = 0; i < 32; ++i) secret += kDigits[device() % kDigits.size()];
  return secret;
}

http_server::Response Answer(std::string_view type, std::string body) {
  return {.content_type = std::string(type),
          .body = std::move(body),
          .headers = {{"Cache-Control", "no-store"},
                      {"Content-Security-Policy", std::string(kContentPolicy)},
                      {"Referrer-Policy", "no-referrer"},
                      {"X-Content-Type-Options", "nosniff"}}};
}

// Answers below one secret path, and looks at the cluster no more than once a second.
class Dashboard {
 public:
  Dashboard(kube::Client& client, OverviewOptions options, policy::Facts facts, std::string root)
      : client_(client),
        options_(std::move(options)),
        facts_(std::move(facts)),
        root_(std::move(root)) {}

  http_server::Response Handle(const http_server::Request& request) {
    if (!request.path.starts_with(root_)) return {.status = 404, .body = "not found\n"};
    if (request.method != "GET") return {.status = 405, .body = "nothing can be changed here\n"};
    const std::string_view file = request.path.substr(root_.size());
    if (file.empty()) return Answer("text/html; charset=utf-8", std::string(kDashboardPage));
    if (file == "dashboard.css") {
      return Answer("text/css; charset=utf-8", std::string(kDashboardStyle));
    }
    if (file == "dashboard.js") {
      return Answer("text/javascript; charset=utf-8", std::string(kDashboardScript));
    }
    if (file == "overview.json") return Answer("application/json", Overview());
    return {.status = 404, .body = "not found\n"};
  }

 private:
  std::string Overview() {
    const std::lock_guard lock(mutex_);
    const auto now = steady_clock::now();
    if (last_.empty() || now - looked_ > std::chrono::seconds(1)) {
      last_ = ReadOverview(client_, options_, facts_)
                  .dump(-1, ' ', false, codec::Json::error_handler_t::replace);
      looked_ = steady_clock::now();
    }
    return last_;
  }

  kube::Client& client_;
  const OverviewOptions options_;
  const policy::Facts facts_;
  const std::string root_;
  std::mutex mutex_;
  std::string last_;
  steady_clock::time_point looked_;
};

int Run(const Invocation& invocation) {
  const ParsedFlags& flags = invocation.flags;
  http_server::ServerOptions server_options;
  server_options.address = "127.0.0.1";
  server_options.threads = 4;
  if (flags.Has("port")) {
    const std::string_view text = flags.Value("port");
    const auto parsed =
        std::from_chars(text.data(), text.data() + text.size(), server_options.port);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() ||
        server_options.port == 0) {
      return invocation.Fail("--port must be a number from 1 to 65535");
    }
  }
  const auto config = LoadConfiguration(std::string(flags.Value("config")));
  if (!config.ok()) return invocation.Fail(config.status().message());
  const auto cluster = ConnectToCluster(invocation);
  if (!cluster.ok()) return invocation.Fail(cluster.status().message());
  OverviewOptions options{.namespace_name =
                              flags.Has("all-namespaces") ? "" : cluster->default_namespace};

  // The server's threads inherit it, and this one waits for them.
  sigset_t ends;
  sigemptyset(&ends);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&ends, signal);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  const std::string root = "/" + NewSecret() + "/";
  Dashboard dashboard(*cluster->client, std::move(options), config->facts, root);
  const SystemClock clock;
  Logger logger(clock, LogLevel::kError);
  auto server = http_server::Server::Start(
      server_options,
      [&dashboard](const http_server::Request& request) { return dashboard.Handle(request); },
      logger);
  if (!server.ok()) return invocation.Fail(server.status().message());
  invocation.environment.show("http://127.0.0.1:" + std::to_string((*server)->port()) + root +
                              "\n");
  int signal = 0;
  sigwait(&ends, &signal);
  // A look at a cluster that does not answer would hold up an orderly end.
  std::_Exit(kExitClean);
}

}  // namespace

Command DashboardCommand() {
  return {.name = "dashboard",
          .arguments = "",
          .summary = "Show the sandboxes in the cluster on a page of this machine",
          .help = kHelp,
          .flags = kFlags,
          .run = Run};
}

}  // namespace stockade::cli
