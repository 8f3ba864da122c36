#include "credentials/run.h"

#include <cerrno>
#include <csignal>
#include <ctime>
#include <list>
#include <stop_token>
#include <thread>
#include <vector>

#include "base/files.h"
#include "base/strings.h"
#include "credentials/exchanger.h"
#include "credentials/prepare.h"
#include "credentials/secret_value.h"
#include "credentials/write_file.h"

namespace stockade::credentials {
namespace {

constexpr timespec kInterval = {.tv_sec = 1, .tv_nsec = 0};

// Unavailable with the reason of each credential that could not be had; Ok while an exchange has
// not ended yet, so that none goes without its reason.
Status CheckOutcomes(const std::vector<const Exchanger*>& waiting) {
  std::vector<std::string> reasons;
  for (const Exchanger* exchanger : waiting) {
    const auto outcome = exchanger->Outcome();
    if (!outcome) return Status::Ok();
    if (outcome->ok()) continue;
    reasons.push_back("credential \"" + exchanger->derived().credential +
                      "\": " + outcome->message());
  }
  if (reasons.empty()) return Status::Ok();
  return {StatusCode::kUnavailable, Join(reasons, "; ")};
}

}  // namespace

BasicFile::BasicFile(const Derived& derived, Logger& logger) : derived_(derived), logger_(logger) {
  if (const auto text = ReadSmallFile(derived.file); text.ok()) written_ = *text;
}

void BasicFile::Update() {
  const auto basic = EncodeBasic(derived_.username, derived_.password_file);
  Status status = basic.status();
  if (basic.ok() && *basic != written_) {
    status = ReplaceFile(derived_.file, *basic);
    if (status.ok()) {
      written_ = *basic;
      logger_.Info("credential written", {{"credential", derived_.credential}});
    }
  }
  if (!status.ok() && status.message() != problem_) {
    logger_.Warning("credential cannot be updated; the one before stays in use",
                    {{"credential", derived_.credential}, {"error", status.message()}});
  }
  problem_ = status.message();
}

Status Run(const Config& config, const RunOptions& options, const Clock& clock, Logger& logger) {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  // Before the first thread, which inherits it.
  if (const int error = pthread_sigmask(SIG_BLOCK, &ends, nullptr); error != 0) {
    return {StatusCode::kInternal, "signals cannot be blocked"};
  }

  std::list<BasicFile> basic;
  std::list<Exchanger> exchangers;
  std::vector<const Exchanger*> waiting;
  for (const Derived& derived : config.derived) {
    if (Status status = MakeDirectoryOf(derived.file); !status.ok()) return status;
    if (derived.kind == DerivedKind::kBasic) {
      basic.emplace_back(derived, logger);
      continue;
    }
    exchangers.emplace_back(derived, clock, logger);
    if (!HasCredential(derived)) waiting.push_back(&exchangers.back());
  }
  std::vector<std::jthread> threads;
  threads.reserve(exchangers.size());
  for (Exchanger& exchanger : exchangers) {
    threads.emplace_back([&exchanger](const std::stop_token& stop) { exchanger.Run(stop); });
  }
  logger.Info("started", {{"secrets", basic.size()}, {"exchanges", exchangers.size()}});

  const auto deadline = clock.SinceBoot() + options.deadline;
  for (;;) {
    for (BasicFile& file : basic) file.Update();
    if (!waiting.empty() && clock.SinceBoot() >= deadline) {
      if (Status status = CheckOutcomes(waiting); !status.ok()) return status;
    }
    if (sigtimedwait(&ends, nullptr, &kInterval) > 0) {
      logger.Info("stopped by a signal");
      return Status::Ok();
    }
    if (errno != EAGAIN && errno != EINTR) {
      return {StatusCode::kInternal, "signals cannot be waited for"};
    }
  }
}

}  // namespace stockade::credentials
