#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "codec/json.h"
#include "kube/exec_plugin.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/temporary_directory.h"
#include "tests/fakes/test_authority.h"

namespace stockade::kube {

// Waits for `condition`, which another thread is about to make true; false after a minute.
template <typename F>
bool Until(const F& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

// A plugin that prints what the test has put in a file, and counts its runs in another.
class FakePlugin {
 public:
  static constexpr const char* kVersion = "client.authentication.k8s.io/v1";

  // An ExecCredential with that status.
  static std::string Answer(const codec::Json& status) {
    return codec::Json{{"apiVersion", kVersion}, {"kind", "ExecCredential"}, {"status", status}}
        .dump();
  }
  static codec::Json Certificate(const testing::TestIdentity& identity) {
    return {{"clientCertificateData", identity.certificate}, {"clientKeyData", identity.key}};
  }

  void Prints(const std::string& text) { directory_.Write("answer", text); }
  void PrintsToken(const std::string& token) { Prints(Answer({{"token", token}})); }
  // A token that expires so long after the clock's present.
  void PrintsToken(const std::string& token, std::chrono::seconds life) {
    Prints(Answer({{"token", token}, {"expirationTimestamp", FormatTime(clock_->Now() + life)}}));
  }

  [[nodiscard]] int runs() const {
    std::error_code error;
    const auto size = std::filesystem::file_size(directory_.PathOf("runs"), error);
    return error ? 0 : static_cast<int>(size / 2);
  }

  // A shell script in place of the one that prints.
  [[nodiscard]] static ExecPluginConfig Script(const std::string& script) {
    ExecPluginConfig config;
    config.where = "users[u].user.exec";
    config.api_version = kVersion;
    config.command = "/bin/sh";
    config.arguments = {"-c", script};
    return config;
  }
  [[nodiscard]] ExecPluginConfig config() const {
    return Script("cd " + directory_.path() + " && echo x >>runs && cat answer");
  }
  [[nodiscard]] std::shared_ptr<ExecPlugin> Make() const {
    return std::make_shared<ExecPlugin>(config(), ExecPluginOptions{.clock = clock_});
  }

  [[nodiscard]] const testing::TemporaryDirectory& directory() const { return directory_; }
  [[nodiscard]] const std::shared_ptr<testing::FakeClock>& clock() const { return clock_; }

 private:
  const testing::TemporaryDirectory directory_;
  const std::shared_ptr<testing::FakeClock> clock_ = std::make_shared<testing::FakeClock>();
};

}  // namespace stockade::kube
