#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "kube/http_connection.h"
#include "kube/http_message.h"
#include "kube/tls_source.h"
#include "kube/token_source.h"
#include "kube/transport.h"

namespace stockade::kube {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kMaxIdleConnections = 8;
// Shorter than the 90 seconds after which the API server closes an idle connection.
constexpr std::chrono::seconds kMaxIdleTime{60};

// A connection with the event loop that only its present user runs.
struct Slot {
  std::unique_ptr<boost::asio::io_context> io = std::make_unique<boost::asio::io_context>(1);
  std::shared_ptr<HttpConnection> connection;
  std::shared_ptr<const TlsContext> tls;  // that the connection was made with
  bool reused = false;
  steady_clock::time_point idle_since;
};

// Runs the loop until `finished`, which a deadline inside it guarantees, or until a stop, for which
// somebody has to wake it.
void RunUntil(boost::asio::io_context& io, const bool& finished, const std::stop_token& stop) {
  io.restart();
  while (!finished && !stop.stop_requested() && io.run_one() > 0) {
  }
}

class BeastTransport final : public Transport {
 public:
  BeastTransport(std::shared_ptr<const ConnectionConfig> config, TransportOptions options)
      : config_(std::move(config)),
        tls_(config_, options.clock),
        token_(config_, std::move(options.clock)),
        max_answer_bytes_(options.max_answer_bytes),
        stop_(std::move(options.stop)) {}

  Result<HttpResponse> Send(const HttpRequest& request) override {
    try {
      return Exchange(request);
    } catch (const std::exception& error) {
      return Status(StatusCode::kInternal, std::string("request failed: ") + error.what());
    }
  }

 private:
  Result<HttpResponse> Exchange(const HttpRequest& request) {
    if (stop_.stop_requested()) return CancelledByStop(*config_);
    const auto deadline = steady_clock::now() + request.deadline;
    const auto tls = tls_.Context(deadline, stop_);
    if (!tls.ok()) return tls.status();
    const Result<std::string> token = token_.Token(deadline, stop_);
    if (!token.ok()) return token.status();
    Result<std::string> text = FormatRequest(*config_, request, *token);
    if (!text.ok()) return text.status();

    for (bool may_reuse = true;; may_reuse = false) {
      Slot slot = Take(*tls, may_reuse);
      Result<HttpResponse> response = ExchangeOn(slot, *text, deadline);
      if (response.ok()) {
        if (response->status == 401) OnUnauthorized();
        GiveBack(std::move(slot));
        return response;
      }
      // A kept connection that the server dropped at the same moment is nobody's failure.
      const HttpConnection& connection = *slot.connection;
      const bool again = slot.reused && response.status().code() == StatusCode::kUnavailable &&
                         !connection.answer_begun() &&
                         (request.method == "GET" || !connection.request_written());
      Retire(std::move(slot));
      if (!again) return response;
    }
  }

  void OnUnauthorized() {
    tls_.OnUnauthorized();
    token_.OnUnauthorized();
  }

  // The connection is closed when this fails.
  Result<HttpResponse> ExchangeOn(Slot& slot, const std::string& text,
                                  steady_clock::time_point deadline) {
    // The connection belongs to this thread, which closes it: posting is all that another may do.
    const std::stop_callback wake(stop_, [&io = *slot.io] { boost::asio::post(io, [] {}); });
    HttpResponse response;
    Status status(StatusCode::kInternal, "the event loop ended");
    bool finished = false;
    slot.connection->Send(text, deadline, [&](const Result<AnswerHead>& head) {
      finished = true;
      status = head.status();
      if (!head.ok()) return;
      response.status = head->status;
      response.retry_after = head->retry_after;
    });
    RunUntil(*slot.io, finished, stop_);

    for (bool at_end = false; status.ok() && !at_end;) {
      finished = false;
      status = Status(StatusCode::kInternal, "the event loop ended");
      slot.connection->Read(deadline, [&](const Result<std::string_view>& piece) {
        finished = true;
        status = piece.status();
        if (!piece.ok()) return;
        at_end = piece->empty();
        response.body.append(*piece);
      });
      RunUntil(*slot.io, finished, stop_);
      if (response.body.size() > max_answer_bytes_) {
        status = Status(StatusCode::kUnavailable, "the answer is larger than " +
                                                      std::to_string(max_answer_bytes_) + " bytes");
      }
    }
    if (status.ok()) return response;
    slot.connection->Close();
    if (!finished && stop_.stop_requested()) return CancelledByStop(*config_);
    return status;
  }

  // A connection that proves what `tls` does.
  Slot Take(const std::shared_ptr<const TlsContext>& tls, bool may_reuse) {
    if (may_reuse) {
      const MutexLock lock(mutex_);
      while (!idle_.empty()) {
        Slot slot = std::move(idle_.back());
        idle_.pop_back();
        const bool too_old = steady_clock::now() - slot.idle_since > kMaxIdleTime;
        if (too_old || slot.tls != tls || slot.connection->stale()) continue;
        slot.reused = true;
        return slot;
      }
    }
    Slot slot;
    slot.tls = tls;
    slot.connection = HttpConnection::Make(*slot.io, config_, tls);
    return slot;
  }

  void GiveBack(Slot slot) {
    if (!slot.connection->reusable()) return;
    slot.idle_since = steady_clock::now();
    const MutexLock lock(mutex_);
    if (idle_.size() < kMaxIdleConnections) idle_.push_back(std::move(slot));
  }

  // Destroying a loop waits for its resolver, which may hang far beyond the caller's deadline; such
  // a loop is kept until it is done.
  void Retire(Slot slot) {
    slot.connection.reset();
    const MutexLock lock(mutex_);
    retired_.push_back(std::move(slot.io));
    std::erase_if(retired_, [](const std::unique_ptr<boost::asio::io_context>& io) {
      io->restart();
      io->poll();
      return io->stopped();
    });
  }

  const std::shared_ptr<const ConnectionConfig> config_;
  TlsSource tls_;
  TokenSource token_;
  const std::size_t max_answer_bytes_;
  const std::stop_token stop_;
  Mutex mutex_;
  std::vector<std::unique_ptr<boost::asio::io_context>> retired_ STOCKADE_GUARDED_BY(mutex_);
  std::vector<Slot> idle_ STOCKADE_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<Transport> MakeBeastTransport(std::shared_ptr<const ConnectionConfig> config,
                                              TransportOptions options) {
  return std::make_unique<BeastTransport>(std::move(config), std::move(options));
}

}  // namespace stockade::kube
