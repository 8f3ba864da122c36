#include "http_server/server.h"

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <exception>
#include <new>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "http_server/session.h"
#include "http_server/tls.h"

namespace stockade::http_server {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using internal::ConnectionCount;
using internal::ConnectionSlot;
using internal::Session;
using internal::SessionGroup;
using internal::SessionSettings;
using Tcp = asio::ip::tcp;

constexpr int kBacklog = 1024;
// How long to leave the backlog alone when the process or the machine is out of descriptors.
constexpr std::chrono::milliseconds kAcceptBackoff{100};
// Connections taken at one go, before other work of the accepting thread has its turn.
constexpr int kAcceptBatch = 64;
// Trouble that a client can cause at will is logged at most this often, with its count.
constexpr std::chrono::seconds kLogInterval{10};

// One thread and the connections that it serves. The io_context goes first at destruction, and the
// sessions in it, which still refer to the group.
struct Worker {
  SessionGroup group;
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  std::thread thread;
};

// Passes one event in every interval, and says how many there have been since.
class LogLimiter {
 public:
  std::optional<std::size_t> Count() {
    ++count_;
    const auto now = std::chrono::steady_clock::now();
    if (last_ && now - *last_ < kLogInterval) return std::nullopt;
    last_ = now;
    return std::exchange(count_, 0);
  }

 private:
  std::size_t count_ = 0;
  std::optional<std::chrono::steady_clock::time_point> last_;
};

Status BindError(const ServerOptions& options, const char* what, const error_code& error) {
  return {StatusCode::kBadRequest, std::string("cannot ") + what + " " + options.address + ":" +
                                       std::to_string(options.port) + ": " + error.message()};
}

}  // namespace

// One acceptor, on the first worker's thread, hands each connection to the worker that has the
// fewest. With an acceptor for each thread (SO_REUSEPORT) the kernel would choose by a hash, which
// is uneven for the API server's few long-lived connections, and a second process could take the
// port unnoticed.
struct Server::Impl {
  Impl(const ServerOptions& options, Handler handler, Logger& server_logger)
      : settings{options.limits, std::move(handler), server_logger}, logger(server_logger) {
    for (std::size_t i = 0; i < std::max<std::size_t>(options.threads, 1); ++i) {
      workers.push_back(std::make_unique<Worker>());
    }
    acceptor.emplace(workers.front()->context);
    backoff.emplace(workers.front()->context);
    poll.emplace(workers.front()->context);
  }

  ~Impl() { Stop(std::chrono::milliseconds(0)); }

  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Status Bind(const ServerOptions& options) {
    error_code error;
    const auto address = asio::ip::make_address(options.address, error);
    if (error) {
      return {StatusCode::kBadRequest, "\"" + options.address + "\" is no IP address to listen on"};
    }
    const Tcp::endpoint endpoint(address, options.port);
    acceptor->open(endpoint.protocol(), error);
    if (error) return BindError(options, "open a socket for", error);
    acceptor->set_option(Tcp::acceptor::reuse_address(true), error);
    if (error) return BindError(options, "reuse", error);
    acceptor->bind(endpoint, error);
    if (error) return BindError(options, "bind", error);
    acceptor->listen(kBacklog, error);
    if (error) return BindError(options, "listen on", error);
    acceptor->non_blocking(true, error);
    if (error) return BindError(options, "listen on", error);
    port = acceptor->local_endpoint(error).port();
    if (error) return BindError(options, "listen on", error);
    return Status::Ok();
  }

  Status LoadCertificate(const TlsFiles& files) {
    certificate.emplace(files);
    poll_interval = files.poll_interval;
    if (Status status = certificate->Load(); !status.ok()) return status;
    if (certificate->context()) UseCertificate("serving certificate loaded");
    return Status::Ok();
  }

  void Run() {
    WaitForConnection();
    if (certificate) SchedulePoll();
    for (const auto& worker : workers) {
      worker->thread = std::thread([this, raw = worker.get()] { RunWorker(*raw); });
    }
  }

  // An exception that escapes from a session (memory) ends that session alone.
  void RunWorker(Worker& worker) {
    for (;;) {
      try {
        worker.context.run();
        return;
      } catch (const std::exception& exception) {
        logger.Error("connection failed", {{"error", exception.what()}});
      }
    }
  }

  void WaitForConnection() {
    acceptor->async_wait(Tcp::acceptor::wait_read, [this](const error_code& error) {
      if (error == asio::error::operation_aborted) return;
      // Whatever goes wrong here, the server goes on accepting.
      error_code failure = error;
      try {
        if (!failure) failure = AcceptBatch();
      } catch (const std::bad_alloc&) {
        failure = asio::error::no_memory;
      }
      if (!failure) return WaitForConnection();
      if (const auto count = accept_failures.Count()) {
        logger.Warning("cannot accept connections",
                       {{"error", failure.message()}, {"count", *count}});
      }
      Backoff();
    });
  }

  // Takes what waits in the backlog; the error when the system has no room for more.
  error_code AcceptBatch() {
    for (int i = 0; i < kAcceptBatch; ++i) {
      Worker& worker = **std::min_element(
          workers.begin(), workers.end(),
          [](const auto& a, const auto& b) { return a->group.size < b->group.size; });
      error_code error;
      Tcp::socket socket = acceptor->accept(worker.context, error);
      if (error == asio::error::would_block || error == asio::error::try_again) return {};
      if (error == asio::error::connection_aborted || error == asio::error::interrupted) continue;
      if (error) return error;
      Serve(worker, std::move(socket));
    }
    return {};
  }

  void Serve(Worker& worker, Tcp::socket socket) {
    if (certificate && !certificate->context()) return;
    if (connections.value() >= settings.limits.connections) {
      ++refused;
      if (const auto count = refusals.Count()) {
        logger.Warning("too many connections",
                       {{"limit", settings.limits.connections}, {"refused", *count}});
      }
      return;
    }
    error_code ignored;
    socket.set_option(Tcp::no_delay(true), ignored);
    asio::post(worker.context, [this, socket = std::move(socket),
                                slot = ConnectionSlot(connections, worker.group),
                                tls = certificate ? certificate->context() : nullptr]() mutable {
      internal::StartSession(std::move(socket), std::move(tls), settings, std::move(slot));
    });
  }

  void Backoff() {
    backoff->expires_after(kAcceptBackoff);
    backoff->async_wait([this](const error_code& error) {
      if (!error) WaitForConnection();
    });
  }

  void SchedulePoll() {
    poll->expires_after(poll_interval);
    poll->async_wait([this](const error_code& error) {
      if (error) return;
      PollCertificate();
      SchedulePoll();
    });
  }

  void PollCertificate() {
    const auto replaced = certificate->Poll();
    if (!replaced.ok()) {
      logger.Error("new serving certificate is unusable, the old one stays",
                   {{"error", replaced.status().message()}});
    } else if (*replaced) {
      UseCertificate("serving certificate replaced");
    }
  }

  void SetIdentity(std::string certificate_pem, std::string key) {
    asio::post(workers.front()->context, [this, certificate_pem = std::move(certificate_pem),
                                          key = std::move(key)]() mutable {
      if (!certificate) return;
      certificate->SetIdentity(std::move(certificate_pem), std::move(key));
      PollCertificate();
    });
  }

  void UseCertificate(std::string_view event) {
    not_after = certificate->not_after();
    logger.Info(event, {{"notAfter", FormatTime(not_after)}});
    if (Status status = CheckCertificate(); !status.ok()) logger.Error(status.message());
  }

  [[nodiscard]] Status CheckCertificate() const {
    const std::chrono::system_clock::time_point end = not_after;
    if (!certificate || std::chrono::system_clock::now() < end) return Status::Ok();
    if (end == std::chrono::system_clock::time_point()) {
      return {StatusCode::kUnavailable, "there is no serving certificate yet"};
    }
    return {StatusCode::kUnavailable, "the serving certificate expired at " + FormatTime(end)};
  }

  void Stop(std::chrono::milliseconds grace) {
    if (stopped) return;
    stopped = true;
    for (const auto& worker : workers) worker->group.stopping = true;
    for (std::size_t i = 0; i < workers.size(); ++i) {
      asio::post(workers[i]->context, [this, i] {
        if (i == 0) {
          acceptor->close();
          backoff->cancel();
          poll->cancel();
        }
        for (Session* const session : workers[i]->group.sessions) session->StopSoon();
      });
    }
    if (grace.count() > 0) connections.WaitForNone(grace);
    for (const auto& worker : workers) worker->context.stop();
    for (const auto& worker : workers) {
      if (worker->thread.joinable()) worker->thread.join();
    }
    acceptor.reset();
    backoff.reset();
    poll.reset();
    // The last connections end here, while everything that they refer to is still there.
    workers.clear();
  }

  const SessionSettings settings;
  Logger& logger;
  std::uint16_t port = 0;
  ConnectionCount connections;
  std::atomic<std::uint64_t> refused = 0;
  std::vector<std::unique_ptr<Worker>> workers;
  std::atomic<std::chrono::system_clock::time_point> not_after{};  // of the certificate in use
  bool stopped = false;

  // Used by the first worker's thread alone.
  std::optional<Tcp::acceptor> acceptor;
  std::optional<asio::steady_timer> backoff;
  std::optional<asio::steady_timer> poll;
  std::optional<internal::CertificateSource> certificate;
  std::chrono::milliseconds poll_interval{};
  LogLimiter refusals;
  LogLimiter accept_failures;
};

Result<std::unique_ptr<Server>> Server::Start(const ServerOptions& options, Handler handler,
                                              Logger& logger) {
  try {
    auto impl = std::make_unique<Impl>(options, std::move(handler), logger);
    if (options.tls != nullptr) {
      if (Status status = impl->LoadCertificate(*options.tls); !status.ok()) return status;
    }
    if (Status status = impl->Bind(options); !status.ok()) return status;
    impl->Run();
    return std::unique_ptr<Server>(new Server(std::move(impl)));
  } catch (const std::exception& exception) {
    return Status(StatusCode::kInternal,
                  std::string("cannot start the server: ") + exception.what());
  }
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() = default;

std::uint16_t Server::port() const { return impl_->port; }

std::size_t Server::open_connections() const { return impl_->connections.value(); }

std::uint64_t Server::refused_connections() const { return impl_->refused; }

Status Server::CheckCertificate() const { return impl_->CheckCertificate(); }

std::chrono::system_clock::time_point Server::certificate_not_after() const {
  return impl_->not_after;
}

void Server::SetIdentity(std::string certificate, std::string key) {
  impl_->SetIdentity(std::move(certificate), std::move(key));
}

void Server::Stop(std::chrono::milliseconds grace) { impl_->Stop(grace); }

}  // namespace stockade::http_server
