#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "tests/fakes/server_connection.h"
#include "tests/fakes/test_authority.h"

namespace stockade::testing {

// One request as it came over the wire.
struct ReceivedRequest {
  int connection = 0;  // numbers connections from 1, in the order in which they were accepted
  int sequence = 0;    // counts the requests of one connection from 1
  std::string method;
  std::string target;
  std::string head;  // the request line and the header lines, each with its CRLF
  std::string body;
  std::string server_name;  // that the client asked for in the TLS handshake
  std::string client_name;  // common name of the client's certificate; empty without one

  // The value of a header; empty when there is none.
  [[nodiscard]] std::string Header(std::string_view name) const {
    const std::string wanted = ToLower(name);
    for (const std::string_view line : Split(head, '\n')) {
      const std::size_t colon = line.find(':');
      if (colon != std::string_view::npos && ToLower(line.substr(0, colon)) == wanted) {
        return std::string(TrimSpace(line.substr(colon + 1)));
      }
    }
    return {};
  }
};

// One request and the means to answer it. For one thread at a time; when it is destroyed, the
// connection goes on to its next request. Writes to a connection that is closed are ignored.
class Exchange {
 public:
  Exchange(std::shared_ptr<ServerConnection> connection, ReceivedRequest request)
      : connection_(std::move(connection)), request_(std::move(request)) {}
  ~Exchange() { connection_->Finish(); }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  [[nodiscard]] const ReceivedRequest& request() const { return request_; }

  // A whole answer with its length. `headers` are lines, each with its CRLF.
  void Respond(int status, std::string_view body, std::string_view headers = {}) {
    Write(Head(status) + std::string(headers) + "Content-Length: " + std::to_string(body.size()) +
          "\r\n\r\n" + std::string(body));
  }
  // An answer in chunks.
  void BeginChunks(int status = 200) { Write(Head(status) + "Transfer-Encoding: chunked\r\n\r\n"); }
  bool Chunk(std::string_view data) {
    std::array<char, 16> size{};
    const auto [end, error] =
        std::to_chars(size.data(), size.data() + size.size(), data.size(), 16);
    return Write(std::string(size.data(), end) + "\r\n" + std::string(data) + "\r\n");
  }
  void EndChunks() { Write("0\r\n\r\n"); }
  // Bytes as they are. False when the peer is known to be gone.
  bool Write(std::string_view bytes) { return connection_->Write(bytes); }
  // Closes the connection as a machine that dies does.
  void Cut() { connection_->Cut(); }
  // Waits until the peer has closed the connection; false when it sends something instead.
  bool WaitForClose() { return connection_->input().empty() && !connection_->ReadMore(); }
  // True when the peer closes the connection within `pause`.
  bool WaitForClose(std::chrono::milliseconds pause) {
    return connection_->Readable(pause) && WaitForClose();
  }

 private:
  static std::string Head(int status) {
    return "HTTP/1.1 " + std::to_string(status) + " Scripted\r\nContent-Type: application/json\r\n";
  }

  const std::shared_ptr<ServerConnection> connection_;
  const ReceivedRequest request_;
};

struct ServerOptions {
  bool tls = true;
  TestIdentity identity = {};         // of the server, with TLS
  std::string client_authority = {};  // in PEM; when set, clients are asked for a certificate
  // Answers each request on its connection's own thread, so calls come from several threads at
  // once. Without it the test takes the requests from Next().
  std::function<void(Exchange&)> handler = {};
};

// An HTTP/1.1 server on a free port of 127.0.0.1 that answers what its test tells it to, with one
// thread for each connection. It shares no code with the clients that are tested. Safe to call from
// any thread; destroying it closes every connection and joins every thread.
class ScriptedServer {
 public:
  explicit ScriptedServer(ServerOptions options) : options_(std::move(options)) {
    if (options_.tls) MakeTls();
    Listen();
    acceptor_ = std::thread([this] { Accept(); });
  }
  ~ScriptedServer() {
    std::vector<std::thread> threads;
    std::deque<std::unique_ptr<Exchange>> inbox;
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      ::shutdown(listener_, SHUT_RDWR);
      for (const auto& connection : connections_) connection->Stop();
      threads.swap(threads_);
      inbox.swap(inbox_);
    }
    inbox.clear();
    acceptor_.join();
    for (std::thread& thread : threads) thread.join();
    ::close(listener_);
  }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }

  // The next request that nobody has taken, when there is no handler. Null when none comes within a
  // minute.
  [[nodiscard]] std::unique_ptr<Exchange> Next() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::minutes(1), [this] { return !inbox_.empty(); })) {
      return nullptr;
    }
    std::unique_ptr<Exchange> exchange = std::move(inbox_.front());
    inbox_.pop_front();
    return exchange;
  }

  // Every request so far, in the order in which they were read.
  [[nodiscard]] std::vector<ReceivedRequest> Received() const {
    const std::lock_guard lock(mutex_);
    return received_;
  }

 private:
  struct ContextFree {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  struct BioFree {
    void operator()(BIO* bio) const { BIO_free(bio); }
  };
  using Bio = std::unique_ptr<BIO, BioFree>;

  static void Require(bool condition) {
    if (!condition) std::abort();
  }

  static X509* ReadCertificate(const std::string& pem) {
    const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    X509* const certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr);
    Require(certificate != nullptr);
    return certificate;
  }

  void MakeTls() {
    tls_.reset(SSL_CTX_new(TLS_server_method()));
    SSL_CTX* const context = tls_.get();
    // Sessions are never resumed, so that every connection proves all it has to.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    X509* const certificate = ReadCertificate(options_.identity.certificate);
    Require(SSL_CTX_use_certificate(context, certificate) == 1);
    X509_free(certificate);
    const std::string& pem = options_.identity.key;
    const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    EVP_PKEY* const key = PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr);
    Require(key != nullptr && SSL_CTX_use_PrivateKey(context, key) == 1);
    EVP_PKEY_free(key);
    if (options_.client_authority.empty()) return;
    X509* const authority = ReadCertificate(options_.client_authority);
    Require(X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority) == 1);
    X509_free(authority);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  }

  void Listen() {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    Require(::bind(listener_, generic, size) == 0 && ::listen(listener_, 64) == 0);
    Require(::getsockname(listener_, generic, &size) == 0);
    port_ = ntohs(address.sin_port);
  }

  void Accept() {
    for (;;) {
      const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      const std::lock_guard lock(mutex_);
      if (stopping_) {
        if (socket >= 0) ::close(socket);
        return;
      }
      if (socket < 0) continue;
      const int on = 1;  // many small writes, each of which is to arrive
      ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      const auto connection = std::make_shared<ServerConnection>(
          static_cast<int>(connections_.size()) + 1, socket, tls_.get());
      connections_.push_back(connection);
      threads_.emplace_back([this, connection] { Serve(connection); });
    }
  }

  void Serve(const std::shared_ptr<ServerConnection>& connection) {
    if (connection->Handshake()) {
      ReceivedRequest request;
      while (ReadRequest(*connection, request)) {
        auto exchange = std::make_unique<Exchange>(connection, request);
        {
          const std::lock_guard lock(mutex_);
          received_.push_back(request);
        }
        if (options_.handler) {
          options_.handler(*exchange);
          exchange.reset();
        } else {
          const std::lock_guard lock(mutex_);
          if (!stopping_) inbox_.push_back(std::move(exchange));
          changed_.notify_all();
        }
        if (!connection->WaitUntilFinished()) break;
      }
    }
    connection->Cut();
  }

  static bool ReadRequest(ServerConnection& connection, ReceivedRequest& request) {
    std::string& input = connection.input();
    std::size_t end = 0;
    while ((end = input.find("\r\n\r\n")) == std::string::npos) {
      if (!connection.ReadMore()) return false;
    }
    request.head = input.substr(0, end + 2);
    input.erase(0, end + 4);
    const std::vector<std::string_view> words =
        Split(std::string_view(request.head).substr(0, request.head.find('\r')), ' ');
    request.method = words[0];
    request.target = words.size() > 1 ? words[1] : "";
    std::size_t length = 0;
    const std::string text = request.Header("content-length");
    std::from_chars(text.data(), text.data() + text.size(), length);
    while (input.size() < length) {
      if (!connection.ReadMore()) return false;
    }
    request.body = input.substr(0, length);
    input.erase(0, length);
    request.connection = connection.number();
    ++request.sequence;
    request.server_name = connection.ServerName();
    request.client_name = connection.ClientName();
    return true;
  }

  const ServerOptions options_;
  std::unique_ptr<SSL_CTX, ContextFree> tls_;
  int listener_ = -1;
  std::uint16_t port_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;                                       // guarded by mutex_
  std::vector<std::shared_ptr<ServerConnection>> connections_;  // guarded by mutex_
  std::vector<std::thread> threads_;                            // guarded by mutex_
  std::deque<std::unique_ptr<Exchange>> inbox_;                 // guarded by mutex_
  std::vector<ReceivedRequest> received_;                       // guarded by mutex_
  std::thread acceptor_;
};

}  // namespace stockade::testing
