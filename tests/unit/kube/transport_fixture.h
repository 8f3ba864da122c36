#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "kube/transport.h"
#include "tests/fakes/scripted_server.h"
#include "tests/fakes/test_authority.h"

namespace stockade::kube {

// One implementation of Transport under the conformance test.
struct TransportKind {
  const char* name;
  std::unique_ptr<Transport> (*make)(std::shared_ptr<const ConnectionConfig> config,
                                     TransportOptions options);
};

// Debian's cpprestsdk is not instrumented: under a sanitizer its threads' doings show as races and
// leaks, so there only Beast is tested.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define STOCKADE_TEST_BEAST_ONLY
#endif
#elif defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define STOCKADE_TEST_BEAST_ONLY
#endif
inline constexpr TransportKind kTransports[] = {
#ifndef STOCKADE_TEST_BEAST_ONLY
    {"CppRest", &MakeCppRestTransport},
#endif
    {"Beast", &MakeBeastTransport}};

inline std::string TransportName(const ::testing::TestParamInfo<TransportKind>& info) {
  return info.param.name;
}

// Makes servers with a proper certificate, and connections that accept it.
class TransportTest : public ::testing::TestWithParam<TransportKind> {
 protected:
  static void SetUpTestSuite() { InitializeCppRestThreads(); }

  // A TLS server whose requests `handler` answers; without one the test takes them by Next().
  void StartServer(std::function<void(testing::Exchange&)> handler) {
    testing::ServerOptions options;
    options.identity = authority_.Issue({.alternative_names = "IP:127.0.0.1"});
    options.handler = std::move(handler);
    StartServer(std::move(options));
  }
  void StartServer(testing::ServerOptions options) {
    config_.tls = options.tls;
    server_ = std::make_unique<testing::ScriptedServer>(std::move(options));
    config_.host = "127.0.0.1";
    config_.port = server_->port();
    config_.ca_pem = authority_.certificate();
  }

  // The transport of this test, with config_ as it stands.
  [[nodiscard]] std::unique_ptr<Transport> Make(TransportOptions options = {}) const {
    return GetParam().make(std::make_shared<const ConnectionConfig>(config_), std::move(options));
  }

  [[nodiscard]] std::unique_ptr<Transport> MakeWithLimit(std::size_t max_answer_bytes) const {
    TransportOptions options;
    options.max_answer_bytes = max_answer_bytes;
    return Make(std::move(options));
  }

  static HttpRequest Request(std::string method, std::string target, std::string body = {}) {
    HttpRequest request;
    request.method = std::move(method);
    request.target = std::move(target);
    if (!body.empty()) request.content_type = "application/json";
    request.body = std::move(body);
    return request;
  }

  // "200 body", or the name of the code.
  static std::string Text(const Result<HttpResponse>& response) {
    if (!response.ok()) return std::string(StatusCodeName(response.status().code()));
    return std::to_string(response->status) + " " + response->body;
  }

  const testing::TestAuthority authority_;
  ConnectionConfig config_;
  std::unique_ptr<testing::ScriptedServer> server_;
};

}  // namespace stockade::kube
