#include "http_server/session.h"

#include <openssl/ssl.h>

#include <array>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <exception>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace stockade::http_server::internal {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace ssl = boost::asio::ssl;
using boost::system::error_code;
using Tcp = asio::ip::tcp;
using PlainStream = beast::tcp_stream;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;

// How long a connection that was answered for the last time may take to go away, while what it
// still sends is thrown away: closing with unread data would reset it and lose the answer.
constexpr std::chrono::seconds kLinger{2};

// Room beyond the header for one piece of a body; it also bounds a chunk's header and the trailers.
constexpr std::size_t kBodyPieceBytes = std::size_t{16} * 1024;

std::string_view ToStd(beast::string_view text) { return {text.data(), text.size()}; }

Response ErrorResponse(int status, std::string_view why) {
  return {.status = status, .body = std::string(why) + "\n"};
}

// What to answer to input that could not be read as a request.
Response ReadErrorResponse(const error_code& error, const Limits& limits, bool in_header) {
  if (error == http::error::body_limit) {
    return ErrorResponse(413,
                         "the body is larger than " + std::to_string(limits.body_bytes) + " bytes");
  }
  if (error == http::error::header_limit || (error == http::error::buffer_overflow && in_header)) {
    return ErrorResponse(
        431, "the header is larger than " + std::to_string(limits.header_bytes) + " bytes");
  }
  if (error == http::error::partial_message) {
    return ErrorResponse(400, "the request ends before it is complete");
  }
  return ErrorResponse(400, "malformed HTTP request: " + error.message());
}

// True when the peer went away or was too slow: there is nobody to answer.
bool IsGone(const error_code& error) {
  return error.category() != http::make_error_code(http::error::bad_chunk).category();
}

// The path and query of a request target in origin form, or in absolute form as RFC 9112 3.2.2
// has every server accept; empty when it is neither.
std::string_view OriginForm(std::string_view target) {
  if (target.starts_with('/')) return target;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    const std::size_t path = target.find('/', scheme.size());
    return path == std::string_view::npos ? "/" : target.substr(path);
  }
  return {};
}

// What forbids serving this header, in the order of RFC 9112; Beast's parser has refused malformed
// lines, repeated lengths and a length beside chunks before.
template <typename Message>
std::optional<Response> CheckHeader(const Message& message) {
  const std::size_t hosts = message.count(http::field::host);
  if (hosts > 1 || (hosts == 0 && message.version() >= 11)) {
    return ErrorResponse(400, "there must be exactly one Host field");
  }
  const std::size_t encodings = message.count(http::field::transfer_encoding);
  if (encodings > 0) {
    if (message.version() < 11) {
      return ErrorResponse(400, "Transfer-Encoding needs HTTP/1.1");
    }
    if (encodings > 1 || !beast::iequals(message[http::field::transfer_encoding], "chunked")) {
      return ErrorResponse(501, "the only Transfer-Encoding understood is chunked");
    }
  }
  const beast::string_view expect = message[http::field::expect];
  if (!expect.empty() && !beast::iequals(expect, "100-continue")) {
    return ErrorResponse(417, "the only expectation understood is 100-continue");
  }
  if (OriginForm(ToStd(message.target())).empty()) {
    return ErrorResponse(400, "the request target must be a path");
  }
  return std::nullopt;
}

std::string Serialize(const Response& response, bool with_body, bool close) {
  const auto reason =
      http::obsolete_reason(http::int_to_status(static_cast<unsigned>(response.status)));
  std::string text = "HTTP/1.1 " + std::to_string(response.status) + " ";
  text.append(reason.data(), reason.size());
  text += "\r\nContent-Type: " + response.content_type;
  text += "\r\nContent-Length: " + std::to_string(response.body.size());
  for (const auto& [name, value] : response.headers) text += "\r\n" + name + ": " + value;
  if (close) text += "\r\nConnection: close";
  text += "\r\n\r\n";
  if (with_body) text += response.body;
  return text;
}

// One connection over a plain or a TLS stream: reads requests one after the other, so that
// pipelined ones are answered in their order. Every step has its own deadline, kept by the TCP
// stream's timer, which closes the socket.
template <typename Stream>
class StreamSession final : public Session,
                            public std::enable_shared_from_this<StreamSession<Stream>> {
 public:
  static constexpr bool kTls = std::is_same_v<Stream, TlsStream>;

  template <typename... StreamArguments>
  StreamSession(std::shared_ptr<ssl::context> tls, const SessionSettings& settings,
                ConnectionSlot slot, StreamArguments&&... arguments)
      : settings_(settings),
        slot_(std::move(slot)),
        tls_(std::move(tls)),
        buffer_(settings.limits.header_bytes + kBodyPieceBytes),
        stream_(std::forward<StreamArguments>(arguments)...) {
    slot_.group().sessions.insert(this);
  }

  ~StreamSession() override { slot_.group().sessions.erase(this); }

  void Start() {
    if constexpr (kTls) {
      tcp().expires_after(settings_.limits.handshake_timeout);
      stream_.async_handshake(
          ssl::stream_base::server,
          [self = this->shared_from_this()](const error_code& error) { self->OnHandshake(error); });
    } else {
      WaitForRequest(settings_.limits.header_timeout);
    }
  }

  void StopSoon() override {
    // Bytes that have arrived may be a request; it is served, and the connection closed after it.
    error_code error;
    if (waiting_ && tcp().socket().available(error) == 0) {
      waiting_ = false;
      tcp().socket().cancel(error);
      // The read that is cancelled ends the session.
    }
  }

 private:
  beast::tcp_stream& tcp() { return beast::get_lowest_layer(stream_); }

  void OnHandshake(const error_code& error) {
    if (!error) return WaitForRequest(settings_.limits.header_timeout);
    const std::string why = error.message();
    settings_.logger.Debug("TLS handshake failed", {{"error", why}});
    const bool plain_http =
        error.category() == asio::error::get_ssl_category() &&
        ERR_GET_REASON(static_cast<unsigned long>(error.value())) == SSL_R_HTTP_REQUEST;
    if (!plain_http) return;
    output_ = Serialize(ErrorResponse(400, "plain HTTP was sent to an HTTPS port"), true, true);
    tcp().expires_after(settings_.limits.body_timeout);
    asio::async_write(tcp(), asio::buffer(output_),
                      [self = this->shared_from_this()](const error_code& failed, std::size_t) {
                        if (!failed) self->Drain();
                      });
  }

  // Waits for the first byte of a request, so that idleness and slowness have their own bounds.
  void WaitForRequest(std::chrono::milliseconds timeout) {
    parser_.reset();
    if (slot_.group().stopping) return Close();
    if (buffer_.size() > 0) return ReadHeader();
    waiting_ = true;
    tcp().expires_after(timeout);
    stream_.async_read_some(
        buffer_.prepare(kFirstReadBytes),
        [self = this->shared_from_this()](const error_code& error, std::size_t count) {
          const bool stopped = !std::exchange(self->waiting_, false);
          self->buffer_.commit(count);
          if (!error) return self->ReadHeader();
          // The peer has said goodbye, was idle for too long, or the server stops.
          if (stopped || error == asio::error::eof) self->Close();
        });
  }

  void ReadHeader() {
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(settings_.limits.header_bytes));
    parser_->body_limit(settings_.limits.body_bytes);
    tcp().expires_after(settings_.limits.header_timeout);
    http::async_read_header(stream_, buffer_, *parser_,
                            [self = this->shared_from_this()](
                                const error_code& error, std::size_t) { self->OnHeader(error); });
  }

  void OnHeader(const error_code& error) {
    if (error) return OnReadError(error, true);
    if (auto refusal = CheckHeader(parser_->get())) return Respond(*refusal, true);
    if (parser_->is_done()) return Dispatch();
    tcp().expires_after(settings_.limits.body_timeout);
    const bool continue_expected =
        !parser_->get()[http::field::expect].empty() && parser_->get().version() >= 11;
    if (!continue_expected || buffer_.size() > 0) return ReadBody();
    output_ = "HTTP/1.1 100 Continue\r\n\r\n";
    asio::async_write(stream_, asio::buffer(output_),
                      [self = this->shared_from_this()](const error_code& failed, std::size_t) {
                        if (!failed) self->ReadBody();
                      });
  }

  void ReadBody() {
    http::async_read(stream_, buffer_, *parser_,
                     [self = this->shared_from_this()](const error_code& error, std::size_t) {
                       if (error) return self->OnReadError(error, false);
                       self->Dispatch();
                     });
  }

  void OnReadError(const error_code& error, bool in_header) {
    if (error == http::error::end_of_stream) return Close();
    if (IsGone(error)) return;
    Respond(ReadErrorResponse(error, settings_.limits, in_header), true);
  }

  void Dispatch() {
    const auto& message = parser_->get();
    const std::string_view target = OriginForm(ToStd(message.target()));
    const std::size_t question = target.find('?');
    Request request;
    request.method = ToStd(message.method_string());
    if (message.method() == http::verb::head) request.method = "GET";
    request.path = target.substr(0, question);
    if (question != std::string_view::npos) request.query = target.substr(question + 1);
    request.content_type = ToStd(message[http::field::content_type]);
    request.body = message.body();
    Respond(Handle(request), !message.keep_alive());
  }

  Response Handle(const Request& request) {
    std::string why = "an exception of an unknown type";
    try {
      return settings_.handler(request);
    } catch (const std::exception& exception) {
      why = exception.what();
    } catch (...) {  // NOLINT(bugprone-empty-catch): answered below
    }
    settings_.logger.Error("handler failed", {{"path", request.path}, {"error", why}});
    return ErrorResponse(500, "internal error");
  }

  void Respond(const Response& response, bool close) {
    close = close || slot_.group().stopping;
    const bool head = parser_->is_header_done() && parser_->get().method() == http::verb::head;
    output_ = Serialize(response, !head, close);
    tcp().expires_after(settings_.limits.body_timeout);
    asio::async_write(
        stream_, asio::buffer(output_),
        [self = this->shared_from_this(), close](const error_code& error, std::size_t) {
          if (error) return;
          if (close) return self->Close();
          self->WaitForRequest(self->settings_.limits.idle_timeout);
        });
  }

  // Says goodbye and takes what the peer still sends until it closes too, for a while.
  void Close() {
    if constexpr (kTls) {
      tcp().expires_after(kLinger);
      // An error here is a peer that goes on sending, or went: Drain tells them apart.
      stream_.async_shutdown(
          [self = this->shared_from_this()](const error_code&) { self->Drain(); });
    } else {
      Drain();
    }
  }

  void Drain() {
    error_code error;
    tcp().socket().shutdown(Tcp::socket::shutdown_send, error);
    if (error) return;
    parser_.reset();
    buffer_.clear();
    tcp().expires_after(kLinger);
    DrainSome();
  }

  void DrainSome() {
    tcp().async_read_some(buffer_.prepare(kFirstReadBytes),
                          [self = this->shared_from_this()](const error_code& error, std::size_t) {
                            if (!error) self->DrainSome();
                          });
  }

  static constexpr std::size_t kFirstReadBytes = 4096;

  const SessionSettings& settings_;
  ConnectionSlot slot_;
  std::shared_ptr<ssl::context> tls_;
  beast::flat_buffer buffer_;
  Stream stream_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::string output_;
  bool waiting_ = false;  // for the first byte of a request
};

}  // namespace

void StartSession(Tcp::socket socket, std::shared_ptr<ssl::context> tls,
                  const SessionSettings& settings, ConnectionSlot slot) {
  if (tls) {
    ssl::context& context = *tls;
    std::make_shared<StreamSession<TlsStream>>(std::move(tls), settings, std::move(slot),
                                               std::move(socket), context)
        ->Start();
  } else {
    std::make_shared<StreamSession<PlainStream>>(nullptr, settings, std::move(slot),
                                                 std::move(socket))
        ->Start();
  }
}

}  // namespace stockade::http_server::internal
