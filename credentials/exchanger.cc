#include "credentials/exchanger.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "base/files.h"
#include "base/sleep.h"
#include "base/strings.h"
#include "base/version.h"
#include "credentials/write_file.h"
#include "kube/backoff.h"
#include "kube/connection_config.h"
#include "kube/transport.h"
#include "render/envoy/paths.h"

namespace stockade::credentials {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::system_clock;

constexpr seconds kFirstPause{1};
constexpr seconds kLongestPause{60};
constexpr milliseconds kLongestAskedPause = std::chrono::minutes(5);
constexpr std::size_t kMaxAnswerBytes = std::size_t{64} * 1024;
constexpr std::size_t kMaxRootsMebibytes = 4;

Result<std::string> ReadToken(const std::string& file) {
  auto text = ReadSmallFile(file, "web identity token");
  if (!text.ok()) return text.status();
  std::string token(TrimSpace(*text));
  if (token.empty()) return Status(StatusCode::kBadRequest, "the file " + file + " is empty");
  return token;
}

}  // namespace

Exchanger::Exchanger(const Derived& derived, const Clock& clock, Logger& logger)
    : derived_(derived), clock_(clock), logger_(logger), random_(std::random_device{}()) {}

Result<Credential> Exchanger::Exchange(const std::stop_token& stop) const {
  const auto token = ReadToken(derived_.token_file);
  if (!token.ok()) return token.status();
  auto roots = ReadFileUpTo(kMaxRootsMebibytes, std::string(render::envoy::kSystemRoots),
                            "public authorities");
  if (!roots.ok()) return roots.status();
  auto config = std::make_shared<kube::ConnectionConfig>();
  config->host = TokenServiceHost(derived_);
  config->ca_pem = std::move(roots).value();
  config->user_agent = "stockade-credentials/" STOCKADE_VERSION;
  if (config->ca_pem.empty()) {
    // Otherwise the client would take those that it knows of.
    return Status(StatusCode::kBadRequest, "there are no public authorities");
  }
  // Of its own for each exchange: half an hour lies between two.
  const auto transport = kube::MakeBeastTransport(
      config, {.clock = nullptr, .max_answer_bytes = kMaxAnswerBytes, .stop = stop});
  const auto response = transport->Send(MakeTokenRequest(derived_, *token));
  if (!response.ok()) return response.status();
  return ReadTokenAnswer(derived_, *token, *response, clock_.Now());
}

Result<system_clock::time_point> Exchanger::Renew(const std::stop_token& stop) const {
  const auto credential = Exchange(stop);
  if (!credential.ok()) return credential.status();
  if (Status status = ReplaceFile(derived_.file, credential->contents); !status.ok()) {
    return status;
  }
  return credential->expires;
}

void Exchanger::Run(const std::stop_token& stop) {
  kube::Backoff backoff(kFirstPause, kLongestPause, random_());
  std::optional<system_clock::time_point> expires;
  const std::string host = TokenServiceHost(derived_);
  milliseconds pause{0};
  do {
    const auto renewed = Renew(stop);
    if (stop.stop_requested()) return;
    const auto now = clock_.Now();
    if (renewed.ok()) {
      expires = *renewed;
      backoff.Reset();
      const auto lifetime = std::chrono::duration_cast<milliseconds>(*renewed - now);
      pause = RenewAfter(lifetime, std::uniform_real_distribution<double>(0, 1)(random_));
      logger_.Info("credential obtained",
                   {{"credential", derived_.credential},
                    {"service", host},
                    {"expires", FormatTime(*renewed)},
                    {"renewalSeconds", std::chrono::duration_cast<seconds>(pause).count()}});
      SetOutcome(Status::Ok());
      continue;
    }
    const Status status = renewed.status();
    pause = std::max(backoff.Next(),
                     std::min(status.retry_after().value_or(milliseconds(0)), kLongestAskedPause));
    const auto retry = std::chrono::duration_cast<seconds>(pause).count();
    if (!expires) {
      logger_.Error("credential cannot be obtained", {{"credential", derived_.credential},
                                                      {"error", status.message()},
                                                      {"retrySeconds", retry}});
      SetOutcome(status);
    } else if (now < *expires) {
      logger_.Warning("credential cannot be renewed; the one before stays in use",
                      {{"credential", derived_.credential},
                       {"error", status.message()},
                       {"expires", FormatTime(*expires)},
                       {"retrySeconds", retry}});
    } else {
      logger_.Error("credential has expired and cannot be renewed",
                    {{"credential", derived_.credential},
                     {"error", status.message()},
                     {"expires", FormatTime(*expires)},
                     {"retrySeconds", retry}});
    }
  } while (SleepUnlessStopped(stop, pause));
}

void Exchanger::SetOutcome(Status outcome) {
  const MutexLock lock(mutex_);
  outcome_ = std::move(outcome);
}

std::optional<Status> Exchanger::Outcome() const {
  const MutexLock lock(mutex_);
  return outcome_;
}

}  // namespace stockade::credentials
