#include "client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <thread>
#include <utility>

#include "base/strings.h"

namespace stockade::http_server {
namespace {

using Deadline = std::chrono::steady_clock::time_point;

constexpr std::chrono::seconds kPatience{60};
constexpr std::size_t kMost = std::size_t{64} * 1024 * 1024;

Deadline FromNow() { return std::chrono::steady_clock::now() + kPatience; }

// OpenSSL writes to sockets without MSG_NOSIGNAL, and so does the server.
const bool kSigpipeIgnored = std::signal(SIGPIPE, SIG_IGN) != SIG_ERR;

using ContextPointer = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;
using SslPointer = std::unique_ptr<SSL, decltype(&SSL_free)>;
using BioPointer = std::unique_ptr<BIO, decltype(&BIO_free_all)>;

BioPointer ReadOnly(const std::string& text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free_all};
}

ContextPointer MakeContext(const ClientTls& tls) {
  ContextPointer context(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
  if (tls.max_version != 0) {
    // Offers below TLS 1.2 need the lowest security level of OpenSSL.
    SSL_CTX_set_security_level(context.get(), 0);
    SSL_CTX_set_min_proto_version(context.get(), tls.max_version);
    SSL_CTX_set_max_proto_version(context.get(), tls.max_version);
  }
  if (!tls.ca.empty()) {
    const std::unique_ptr<X509, decltype(&X509_free)> ca(
        PEM_read_bio_X509(ReadOnly(tls.ca).get(), nullptr, nullptr, nullptr), &X509_free);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), ca.get());
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  }
  if (tls.identity != nullptr) {
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(
        PEM_read_bio_X509(ReadOnly(tls.identity->certificate).get(), nullptr, nullptr, nullptr),
        &X509_free);
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
        PEM_read_bio_PrivateKey(ReadOnly(tls.identity->key).get(), nullptr, nullptr, nullptr),
        &EVP_PKEY_free);
    SSL_CTX_use_certificate(context.get(), certificate.get());
    SSL_CTX_use_PrivateKey(context.get(), key.get());
  }
  return context;
}

}  // namespace

bool Eventually(const std::function<bool()>& condition) {
  const Deadline deadline = FromNow();
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

// The socket never blocks; every step waits in poll, for as long as its deadline allows.
struct Client::Impl {
  enum class Outcome { kDone, kWantsRead, kWantsWrite, kEnded };

  ~Impl() {
    ssl.reset();
    if (fd >= 0) close(fd);
  }

  bool Wait(short events, Deadline deadline) const {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd entry{fd, events, 0};
    const int ready = poll(&entry, 1, static_cast<int>(left.count()));
    return ready > 0 || (ready < 0 && errno == EINTR);
  }

  // Runs `step` until it is done or the connection has ended; false at the end or the deadline.
  template <typename Step>
  bool Finish(Step step, Deadline deadline) {
    for (;;) {
      switch (step()) {
        case Outcome::kDone:
          return true;
        case Outcome::kEnded:
          ended = true;
          return false;
        case Outcome::kWantsRead:
          if (!Wait(POLLIN, deadline)) return false;
          break;
        case Outcome::kWantsWrite:
          if (!Wait(POLLOUT, deadline)) return false;
          break;
      }
    }
  }

  Outcome TlsOutcome(int result) {
    if (result > 0) return Outcome::kDone;
    const int error = SSL_get_error(ssl.get(), result);
    if (error == SSL_ERROR_WANT_READ) return Outcome::kWantsRead;
    if (error == SSL_ERROR_WANT_WRITE) return Outcome::kWantsWrite;
    if (const unsigned long code = ERR_get_error(); code != 0) {
      const char* const reason = ERR_reason_error_string(code);
      tls_error = reason == nullptr ? "unknown" : reason;
    } else if (error != SSL_ERROR_ZERO_RETURN) {
      tls_error = "the connection ended";
    }
    ERR_clear_error();
    return Outcome::kEnded;
  }

  static Outcome PlainOutcome(ssize_t result, Outcome when_blocked) {
    if (result > 0) return Outcome::kDone;
    const bool again = result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
    return again ? when_blocked : Outcome::kEnded;
  }

  // Reads what there is into `input`, at most a block of it.
  Outcome TryRead() {
    std::array<char, 16384> block{};
    std::size_t count = 0;
    Outcome outcome = Outcome::kEnded;
    if (ssl) {
      outcome = TlsOutcome(SSL_read_ex(ssl.get(), block.data(), block.size(), &count));
    } else {
      const ssize_t result = recv(fd, block.data(), block.size(), 0);
      outcome = PlainOutcome(result, Outcome::kWantsRead);
      if (result > 0) count = static_cast<std::size_t>(result);
    }
    input.append(block.data(), count);
    return outcome;
  }

  Outcome TryWrite(std::string_view& text) {
    std::size_t count = 0;
    Outcome outcome = Outcome::kEnded;
    if (ssl) {
      outcome = TlsOutcome(SSL_write_ex(ssl.get(), text.data(), text.size(), &count));
    } else {
      const ssize_t result = send(fd, text.data(), text.size(), MSG_NOSIGNAL);
      outcome = PlainOutcome(result, Outcome::kWantsWrite);
      if (result > 0) count = static_cast<std::size_t>(result);
    }
    text.remove_prefix(count);
    return outcome;
  }

  bool Read(Deadline deadline) {
    return Finish([this] { return TryRead(); }, deadline);
  }

  // Takes what has arrived without waiting; true when there is something, or the end.
  bool HasAnswer() {
    if (input.empty() && TryRead() == Outcome::kEnded) ended = true;
    return ended || !input.empty();
  }

  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  ContextPointer context{nullptr, &SSL_CTX_free};
  SslPointer ssl{nullptr, &SSL_free};
  std::string tls_error;
  std::string input;
  bool ended = false;
};

Client::Client() : impl_(std::make_unique<Impl>()) {}

Client::Client(std::uint16_t port) : Client() { Connect(port); }

Client::Client(std::uint16_t port, const ClientTls& tls) : Client() {
  if (Connect(port)) Handshake(tls);
}

Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

bool Client::Connect(std::uint16_t port, const std::string& host) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  inet_pton(AF_INET, host.c_str(), &address.sin_addr);
  if (connect(impl_->fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    return true;
  }
  if (errno != EINPROGRESS || !impl_->Wait(POLLOUT, FromNow())) return false;
  int error = 0;
  socklen_t size = sizeof error;
  return getsockopt(impl_->fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

bool Client::Handshake(const ClientTls& tls) {
  impl_->context = MakeContext(tls);
  impl_->ssl.reset(SSL_new(impl_->context.get()));
  SSL* const ssl = impl_->ssl.get();
  SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_set_fd(ssl, impl_->fd);
  return impl_->Finish([&] { return impl_->TlsOutcome(SSL_connect(ssl)); }, FromNow());
}

const std::string& Client::tls_error() const { return impl_->tls_error; }

std::string Client::ServerName() const {
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      SSL_get1_peer_certificate(impl_->ssl.get()), &X509_free);
  if (!certificate) return {};
  std::array<char, 128> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name.data(),
                            static_cast<int>(name.size()));
  return name.data();
}

bool Client::Send(std::string_view text) {
  const Deadline deadline = FromNow();
  while (!text.empty()) {
    if (!impl_->Finish([&] { return impl_->TryWrite(text); }, deadline)) return false;
  }
  return true;
}

bool Client::SendUntilAnswered(std::string_view piece) {
  for (std::size_t sent = 0; sent < kMost; sent += piece.size()) {
    if (impl_->HasAnswer() || !Send(piece)) return true;
  }
  return false;
}

bool Client::TrickleUntilClosed(std::string_view piece, std::chrono::milliseconds pause) {
  return Eventually([&] {
           std::this_thread::sleep_for(pause);
           return impl_->HasAnswer() || !Send(piece);
         }) &&
         ReceiveRest().empty();
}

void Client::FinishSending() {
  if (impl_->ssl) {
    SSL_shutdown(impl_->ssl.get());
  } else {
    shutdown(impl_->fd, SHUT_WR);
  }
}

Reply Client::Receive(bool with_body) {
  const Deadline deadline = FromNow();
  std::string& input = impl_->input;
  std::size_t end = std::string::npos;
  while ((end = input.find("\r\n\r\n")) == std::string::npos) {
    if (!impl_->Read(deadline)) return {};
  }
  Reply reply;
  std::string_view head = std::string_view(input).substr(0, end);
  constexpr std::string_view kVersion = "HTTP/1.1 ";
  if (head.starts_with(kVersion)) {
    std::from_chars(head.data() + kVersion.size(), head.data() + head.size(), reply.status);
  }
  while (head.find("\r\n") != std::string_view::npos) {
    head.remove_prefix(head.find("\r\n") + 2);
    const std::string_view line = head.substr(0, head.find("\r\n"));
    const std::size_t colon = line.find(':');
    reply.headers[ToLower(line.substr(0, colon))] = TrimSpace(line.substr(colon + 1));
  }
  input.erase(0, end + 4);
  if (!with_body) return reply;
  const std::string length = reply.Header("content-length");
  std::size_t size = 0;
  std::from_chars(length.data(), length.data() + length.size(), size);
  while (input.size() < size) {
    if (!impl_->Read(deadline)) return {};
  }
  reply.body = input.substr(0, size);
  input.erase(0, size);
  return reply;
}

Reply Client::Ask(std::string_view request) {
  // A server may answer and close before it has taken everything.
  Send(request);
  return Receive();
}

Reply Client::Get(std::string_view target) {
  return Ask("GET " + std::string(target) + " HTTP/1.1\r\nHost: test\r\n\r\n");
}

std::string Client::ReceiveRest() {
  const Deadline deadline = FromNow();
  while (!impl_->ended && impl_->Read(deadline)) {
  }
  return impl_->ended ? std::exchange(impl_->input, {}) : "TIMEOUT";
}

}  // namespace stockade::http_server
