#include "kube/http_connection.h"

#include <openssl/ssl.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <utility>

#include "kube/http_message.h"

namespace stockade::kube {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t kMaxHeaderBytes = std::size_t{64} * 1024;
constexpr std::size_t kReadBytes = std::size_t{16} * 1024;

// A TLS stream or a bare socket behind one type, so that the HTTP templates are compiled once.
class Stream {
 public:
  using executor_type = tcp::socket::executor_type;

  Stream(asio::io_context& io, const TlsContext* tls) : socket_(io) {
    if (tls == nullptr) return;
    SSL_CTX_up_ref(tls->get());
    context_.emplace(tls->get());  // takes over that reference
    tls_.emplace(socket_, *context_);
  }

  executor_type get_executor() { return socket_.get_executor(); }
  tcp::socket& socket() { return socket_; }
  [[nodiscard]] const tcp::socket& socket() const { return socket_; }
  asio::ssl::stream<tcp::socket&>* tls() { return tls_ ? &*tls_ : nullptr; }

  template <typename Buffers, typename Handler>
  void async_read_some(const Buffers& buffers, Handler&& handler) {
    if (tls_) {
      tls_->async_read_some(buffers, std::forward<Handler>(handler));
    } else {
      socket_.async_read_some(buffers, std::forward<Handler>(handler));
    }
  }

  template <typename Buffers, typename Handler>
  void async_write_some(const Buffers& buffers, Handler&& handler) {
    if (tls_) {
      tls_->async_write_some(buffers, std::forward<Handler>(handler));
    } else {
      socket_.async_write_some(buffers, std::forward<Handler>(handler));
    }
  }

 private:
  tcp::socket socket_;
  std::optional<asio::ssl::context> context_;
  std::optional<asio::ssl::stream<tcp::socket&>> tls_;
};

class BeastConnection final : public HttpConnection,
                              public std::enable_shared_from_this<BeastConnection> {
 public:
  BeastConnection(asio::io_context& io, std::shared_ptr<const ConnectionConfig> config,
                  const std::shared_ptr<const TlsContext>& tls)
      : config_(std::move(config)),
        resolver_(io),
        timer_(io),
        stream_(io, config_->tls ? tls.get() : nullptr) {}

  void Send(std::string request, TimePoint deadline, HeadCallback done) override {
    request_ = std::move(request);
    on_head_ = std::move(done);
    written_ = false;
    answer_begun_ = false;
    ArmTimer(deadline);
    if (connected_) {
      Write();
    } else {
      Resolve();
    }
  }

  void Read(TimePoint deadline, ReadCallback done) override {
    on_read_ = std::move(done);
    ArmTimer(deadline);
    ReadSome();
  }

  void Close() override {
    if (closed_) return;
    closed_ = true;
    on_head_ = nullptr;
    on_read_ = nullptr;
    timer_.cancel();
    resolver_.cancel();
    error_code ignored;
    stream_.socket().close(ignored);
  }

  [[nodiscard]] bool reusable() const override {
    return !closed_ && connected_ && parser_ && parser_->is_done() && parser_->keep_alive() &&
           buffer_.size() == 0;
  }

  [[nodiscard]] bool stale() const override {
    char byte = 0;
    const int socket = const_cast<tcp::socket&>(stream_.socket()).native_handle();
    const ssize_t count = ::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return count >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
  }

  [[nodiscard]] bool request_written() const override { return written_; }
  [[nodiscard]] bool answer_begun() const override { return answer_begun_; }

 private:
  // Every handler holds the connection alive and does nothing once it is closed.
  template <typename Method, typename... Bound>
  auto Handler(Method method) {
    return [self = shared_from_this(), method](error_code error, auto&&... values) {
      if (!self->closed_) (self.get()->*method)(error, std::forward<decltype(values)>(values)...);
    };
  }

  void ArmTimer(TimePoint deadline) {
    timer_.expires_at(deadline);
    timer_.async_wait(Handler(&BeastConnection::OnTimer));
  }

  void OnTimer(error_code error) {
    // A timer that was armed anew may still have fired for its old time.
    if (error || timer_.expiry() > std::chrono::steady_clock::now()) return;
    Fail({StatusCode::kDeadlineExceeded, Address() + " did not answer in time"});
  }

  void Resolve() {
    error_code error;
    const asio::ip::address address = asio::ip::make_address(config_->host, error);
    if (!error) {
      // An address needs no resolver, whose thread could hang.
      stream_.socket().async_connect(tcp::endpoint(address, config_->port),
                                     Handler(&BeastConnection::OnConnect));
      return;
    }
    resolver_.async_resolve(config_->host, std::to_string(config_->port),
                            tcp::resolver::numeric_service, Handler(&BeastConnection::OnResolve));
  }

  void OnResolve(error_code error, const tcp::resolver::results_type& endpoints) {
    if (error) return Fail("cannot resolve " + config_->host, error);
    asio::async_connect(stream_.socket(), endpoints,
                        [self = shared_from_this()](error_code result, const tcp::endpoint&) {
                          if (!self->closed_) self->OnConnect(result);
                        });
  }

  void OnConnect(error_code error) {
    if (error) return Fail("cannot connect to " + Address(), error);
    error_code ignored;
    stream_.socket().set_option(tcp::no_delay(true), ignored);
    stream_.socket().set_option(asio::socket_base::keep_alive(true), ignored);
    if (stream_.tls() == nullptr) {
      connected_ = true;
      return Write();
    }
    SetServerNameIndication(stream_.tls()->native_handle(), *config_);
    stream_.tls()->async_handshake(asio::ssl::stream_base::client,
                                   Handler(&BeastConnection::OnHandshake));
  }

  void OnHandshake(error_code error) {
    if (error) {
      const std::string reason = CertificateFailure(stream_.tls()->native_handle());
      if (!reason.empty()) return Fail({StatusCode::kUnavailable, Address() + ": " + reason});
      return Fail("TLS handshake with " + Address() + " failed", error);
    }
    connected_ = true;
    Write();
  }

  void Write() {
    asio::async_write(stream_, asio::buffer(request_), Handler(&BeastConnection::OnWrite));
  }

  void OnWrite(error_code error, std::size_t) {
    if (error) return Fail("cannot send to " + Address(), error);
    written_ = true;
    request_.clear();
    parser_.emplace();
    parser_->header_limit(kMaxHeaderBytes);
    // The callers bound what they keep. Boost 1.74 takes none, its word for no limit, for less than
    // any Content-Length.
    parser_->body_limit(std::numeric_limits<std::uint64_t>::max());
    http::async_read_header(stream_, buffer_, *parser_, Handler(&BeastConnection::OnHeader));
  }

  void OnHeader(error_code error, std::size_t bytes) {
    answer_begun_ = bytes > 0 || buffer_.size() > 0;
    if (error) {
      return Fail(answer_begun_ ? "the answer of " + Address() + " cannot be read"
                                : Address() + " closed the connection without an answer",
                  error);
    }
    timer_.cancel();
    AnswerHead head;
    head.status = static_cast<int>(parser_->get().result_int());
    const auto field = parser_->get().find(http::field::retry_after);
    if (field != parser_->get().end()) {
      const auto value = field->value();
      head.retry_after = ParseRetryAfter(std::string_view(value.data(), value.size()));
    }
    std::exchange(on_head_, nullptr)(head);
  }

  void ReadSome() {
    if (parser_->is_done()) {
      // Not from within Read: callers may read in a loop.
      asio::post(stream_.get_executor(), [self = shared_from_this()] {
        if (!self->closed_) self->Deliver({});
      });
      return;
    }
    auto& body = parser_->get().body();
    body.data = block_.data();
    body.size = block_.size();
    body.more = true;
    http::async_read_some(stream_, buffer_, *parser_, Handler(&BeastConnection::OnBody));
  }

  void OnBody(error_code error, std::size_t) {
    if (error == http::error::need_buffer) error = {};
    if (error) return Fail("the answer of " + Address() + " broke off", error);
    const std::size_t count = block_.size() - parser_->get().body().size;
    if (count == 0 && !parser_->is_done()) return ReadSome();
    Deliver(std::string_view(block_.data(), count));
  }

  void Deliver(std::string_view data) {
    timer_.cancel();
    std::exchange(on_read_, nullptr)(data);
  }

  void Fail(const std::string& what, error_code error) {
    Fail({StatusCode::kUnavailable, what + ": " + error.message()});
  }

  void Fail(const Status& status) {
    const HeadCallback on_head = std::exchange(on_head_, nullptr);
    const ReadCallback on_read = std::exchange(on_read_, nullptr);
    Close();
    if (on_head) {
      on_head(status);
    } else if (on_read) {
      on_read(status);
    }
  }

  [[nodiscard]] std::string Address() const {
    const bool v6 = config_->host.find(':') != std::string::npos;
    return (v6 ? "[" + config_->host + "]" : config_->host) + ":" + std::to_string(config_->port);
  }

  const std::shared_ptr<const ConnectionConfig> config_;
  tcp::resolver resolver_;
  asio::steady_timer timer_;
  Stream stream_;
  boost::beast::flat_buffer buffer_{kMaxHeaderBytes + kReadBytes};
  std::optional<http::response_parser<http::buffer_body>> parser_;
  std::array<char, kReadBytes> block_{};
  std::string request_;
  HeadCallback on_head_;
  ReadCallback on_read_;
  bool connected_ = false;
  bool written_ = false;
  bool answer_begun_ = false;
  bool closed_ = false;
};

}  // namespace

std::shared_ptr<HttpConnection> HttpConnection::Make(boost::asio::io_context& io,
                                                     std::shared_ptr<const ConnectionConfig> config,
                                                     const std::shared_ptr<const TlsContext>& tls) {
  return std::make_shared<BeastConnection>(io, std::move(config), tls);
}

}  // namespace stockade::kube
