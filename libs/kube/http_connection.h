#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "kube/connection_config.h"
#include "kube/tls_context.h"

namespace boost::asio {
class io_context;
}

namespace stockade::kube {

// The first part of an answer.
struct AnswerHead {
  int status = 0;
  std::optional<std::chrono::milliseconds> retry_after;
};

// One HTTP/1.1 connection to the API server, asynchronous on one io_context: all calls and
// callbacks belong to the thread that runs it, and no callback comes from within a call. Data is
// read from the socket only while a Read is under way, 16 KiB at a time. It connects at the first
// Send; after an error or Close it is dead, and another one has to be made. A callback keeps what
// it captured until it was called or the connection closed.
class HttpConnection {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using HeadCallback = std::function<void(Result<AnswerHead>)>;
  using ReadCallback = std::function<void(Result<std::string_view>)>;

  static std::shared_ptr<HttpConnection> Make(boost::asio::io_context& io,
                                              std::shared_ptr<const ConnectionConfig> config,
                                              const std::shared_ptr<const TlsContext>& tls);
  virtual ~HttpConnection() = default;

  // Sends a request as FormatRequest made it, connecting first if need be, and reads the head of
  // the answer. Only after the previous answer was read to its end.
  virtual void Send(std::string request, TimePoint deadline, HeadCallback done) = 0;
  // The next piece of the answer's body, valid during the callback; empty at its end.
  virtual void Read(TimePoint deadline, ReadCallback done) = 0;
  // Drops the connection; callbacks under way are never called.
  virtual void Close() = 0;

  // True when the last answer was read to its end and both sides keep the connection.
  [[nodiscard]] virtual bool reusable() const = 0;
  // True when the peer has closed, or spoken out of turn on, a connection at rest.
  [[nodiscard]] virtual bool stale() const = 0;
  // Whether the whole of the last request was handed to the network, and whether any byte of an
  // answer to it came: a request that failed before either can be sent again.
  [[nodiscard]] virtual bool request_written() const = 0;
  [[nodiscard]] virtual bool answer_begun() const = 0;
};

}  // namespace stockade::kube
