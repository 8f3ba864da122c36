// The one file that includes cpprestsdk. What it has to work around, seen in version 2.10.18:
// - set_timeout is for each read, so the deadline is ours, by cancellation;
// - every new connection adds the system's authorities to those configured, so the context's
//   certificate store is replaced;
// - a cancellation closes the connection's socket in the thread that cancels, whatever another one
//   is doing with it, so that the process may crash; so there is one thread, and it cancels;
// - a request whose kept connection fails is sent again whatever its method, unless its body cannot
//   be rewound; so the bodies of writes cannot;
// - a write that cannot be sent again leaves a connection that was never connected in the pool, on
//   which the next request would fail; so the pool is given up after every failure;
// - a Host header decides the name that the certificate is verified against.
#include <cpprest/http_client.h>
#include <cpprest/producerconsumerstream.h>
#include <openssl/crypto.h>
#include <pplx/threadpool.h>

#include <chrono>
#include <condition_variable>
#include <exception>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "kube/http_message.h"
#include "kube/tls_source.h"
#include "kube/token_source.h"
#include "kube/transport.h"

namespace stockade::kube {
namespace {

namespace web_http = web::http;
using std::chrono::steady_clock;

// What one request comes to, shared by the caller, who may leave at the deadline or at a stop, and
// cpprestsdk's threads.
class Outcome {
 public:
  explicit Outcome(std::string request_body) : request_body_(std::move(request_body)) {}

  // What is sent: it has to last as long as cpprestsdk may read it, also beyond the deadline.
  [[nodiscard]] const std::string& request_body() const { return request_body_; }

  void Set(Result<HttpResponse> result) {
    const MutexLock lock(mutex_);
    if (!result_) result_ = std::move(result);
    changed_.notify_all();
  }

  // Nothing when the deadline has passed or a stop was requested before there was a result.
  std::optional<Result<HttpResponse>> WaitUntil(steady_clock::time_point deadline,
                                                const std::stop_token& stop) {
    const MutexLock lock(mutex_);
    changed_.wait_until(mutex_, stop, deadline,
                        [this]() STOCKADE_REQUIRES(mutex_) { return result_.has_value(); });
    return result_;
  }

 private:
  Mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<Result<HttpResponse>> result_ STOCKADE_GUARDED_BY(mutex_);
  const std::string request_body_;
};

Status Unavailable(const std::string& address, const std::string& what) {
  return {StatusCode::kUnavailable, address + ": " + what};
}

class CppRestTransport final : public Transport {
 public:
  CppRestTransport(std::shared_ptr<const ConnectionConfig> config, TransportOptions options)
      : config_(std::move(config)),
        tls_(config_, options.clock),
        token_(config_, std::move(options.clock)),
        max_answer_bytes_(options.max_answer_bytes),
        stop_(std::move(options.stop)),
        address_(config_->host + ":" + std::to_string(config_->port)) {}

  Result<HttpResponse> Send(const HttpRequest& request) override {
    if (stop_.stop_requested()) return CancelledByStop(*config_);
    const auto deadline = steady_clock::now() + request.deadline;
    const auto tls = tls_.Context(deadline, stop_);
    if (!tls.ok()) return tls.status();
    const Result<std::string> token = token_.Token(deadline, stop_);
    if (!token.ok()) return token.status();
    if (Status status = CheckRequest(request, *token); !status.ok()) return status;
    try {
      Result<HttpResponse> response = Exchange(request, *tls, *token, deadline);
      if (response.ok() && response->status == 401) {
        tls_.OnUnauthorized();
        token_.OnUnauthorized();
      }
      return response;
    } catch (const std::exception& error) {
      return Unavailable(address_, error.what());
    }
  }

 private:
  Result<HttpResponse> Exchange(const HttpRequest& request,
                                const std::shared_ptr<const TlsContext>& tls,
                                const std::string& token, steady_clock::time_point deadline) {
    const auto outcome = std::make_shared<Outcome>(request.body);
    pplx::cancellation_token_source cancel;
    web_http::http_request message = Message(request, outcome->request_body(), token);
    // Called for every piece of the answer: cpprestsdk would take in any amount.
    message.set_progress_handler(
        [cancel, outcome, limit = max_answer_bytes_, address = address_](
            web_http::message_direction::direction direction, utility::size64_t so_far) {
          if (direction != web_http::message_direction::download || so_far <= limit) return;
          outcome->Set(Unavailable(
              address, "the answer is larger than " + std::to_string(limit) + " bytes"));
          cancel.cancel();
        });
    Client(tls)
        .request(message, cancel.get_token())
        .then([outcome](web_http::http_response response) {
          HttpResponse result;
          result.status = response.status_code();
          const auto retry_after = response.headers().find(web_http::header_names::retry_after);
          if (retry_after != response.headers().end()) {
            result.retry_after = ParseRetryAfter(retry_after->second);
          }
          return response.extract_vector().then(
              [outcome, result](const std::vector<unsigned char>& body) mutable {
                result.body.assign(body.begin(), body.end());
                outcome->Set(std::move(result));
              });
        })
        .then([outcome, address = address_](const pplx::task<void>& task) {
          try {
            task.get();
          } catch (const pplx::task_canceled&) {
            outcome->Set(Status(StatusCode::kCancelled, address + ": the request was cancelled"));
          } catch (const std::exception& error) {
            outcome->Set(Unavailable(address, error.what()));
          }
        });
    std::optional<Result<HttpResponse>> result = outcome->WaitUntil(deadline, stop_);
    if (!result || !result->ok()) GiveUpPool();
    if (result) return *std::move(result);
    Cancel(cancel);
    if (stop_.stop_requested()) return CancelledByStop(*config_);
    return Status(StatusCode::kDeadlineExceeded, address_ + " did not answer in time");
  }

  // By the thread in which everything of the connection happens once its request is on its way.
  static void Cancel(const pplx::cancellation_token_source& source) {
    crossplat::threadpool::shared_instance().service().post([source] { source.cancel(); });
  }

  [[nodiscard]] web_http::http_request Message(const HttpRequest& request, const std::string& body,
                                               const std::string& token) const {
    web_http::http_request message(request.method);
    message.set_request_uri(web::uri(config_->path_prefix + request.target));
    web_http::http_headers& headers = message.headers();
    headers.add(web_http::header_names::accept, "application/json");
    if (!config_->user_agent.empty()) {
      headers.add(web_http::header_names::user_agent, config_->user_agent);
    }
    if (!token.empty()) headers.add(web_http::header_names::authorization, "Bearer " + token);
    if (!config_->tls_server_name.empty()) {
      headers.add(web_http::header_names::host, config_->tls_server_name);
    }
    if (!body.empty()) {
      concurrency::streams::producer_consumer_buffer<std::uint8_t> buffer;
      buffer.putn_nocopy(reinterpret_cast<const std::uint8_t*>(body.data()), body.size()).wait();
      buffer.close(std::ios_base::out).wait();
      message.set_body(buffer.create_istream(), body.size(), request.content_type);
    }
    return message;
  }

  // Made at the first request, because making it may throw, and again when certificates have
  // changed. Copies share one pool of connections.
  web_http::client::http_client Client(const std::shared_ptr<const TlsContext>& tls) {
    const MutexLock lock(mutex_);
    if (!client_ || client_tls_ != tls) {
      web_http::client::http_client_config options;
      options.set_max_redirects(0);
      options.set_timeout(std::chrono::hours(1));
      if (config_->tls) {
        options.set_tlsext_sni_enabled(!IsIpAddress(TlsServerName(*config_)));
        options.set_ssl_context_callback([tls](boost::asio::ssl::context& context) {
          if (!tls->CopyTo(context.native_handle())) {
            throw std::runtime_error("the TLS context cannot be set up");
          }
        });
      }
      client_.emplace(web::uri((config_->tls ? "https://" : "http://") + address_), options);
      client_tls_ = tls;
    }
    return *client_;
  }

  // Requests that are under way in other threads keep the old pool until they are done.
  void GiveUpPool() {
    const MutexLock lock(mutex_);
    client_.reset();
  }

  const std::shared_ptr<const ConnectionConfig> config_;
  TlsSource tls_;
  TokenSource token_;
  const std::size_t max_answer_bytes_;
  const std::stop_token stop_;
  const std::string address_;
  Mutex mutex_;
  std::optional<web_http::client::http_client> client_ STOCKADE_GUARDED_BY(mutex_);
  std::shared_ptr<const TlsContext> client_tls_ STOCKADE_GUARDED_BY(mutex_);  // of client_
};

}  // namespace

void InitializeCppRestThreads() {
  // Its threads go on while the process ends, and must find OpenSSL as it was.
  OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);
  try {
    crossplat::threadpool::initialize_with_threads(1);
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): the pool exists already
  }
}

std::unique_ptr<Transport> MakeCppRestTransport(std::shared_ptr<const ConnectionConfig> config,
                                                TransportOptions options) {
  if (config->host.find(':') != std::string::npos) {
    return MakeBeastTransport(std::move(config), std::move(options));
  }
  return std::make_unique<CppRestTransport>(std::move(config), std::move(options));
}

}  // namespace stockade::kube
