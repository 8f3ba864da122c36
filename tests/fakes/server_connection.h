#pragma once

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace stockade::testing {

// The server's end of one connection, with or without TLS. Reads and writes block, and belong to
// one thread at a time; Stop, Finish and WaitUntilFinished may be called from any.
class ServerConnection {
 public:
  // Takes over `socket`. Without `tls` the connection is plain. `number` is for the test's eyes.
  ServerConnection(int number, int socket, SSL_CTX* tls) : number_(number), socket_(socket) {
    if (tls == nullptr) return;
    ssl_.reset(SSL_new(tls));
    BIO* const bio = BIO_new(Method());
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_.get(), bio, bio);
  }
  ~ServerConnection() {
    ssl_.reset();
    ::close(socket_);
  }
  ServerConnection(const ServerConnection&) = delete;
  ServerConnection& operator=(const ServerConnection&) = delete;

  [[nodiscard]] int number() const { return number_; }

  // False when the client did not like us, or we did not like it.
  bool Handshake() { return ssl_ == nullptr || SSL_accept(ssl_.get()) == 1; }

  // The name that the client asked for in the handshake, and that of its certificate; both may be
  // empty.
  [[nodiscard]] std::string ServerName() const {
    const char* const name =
        ssl_ ? SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name) : nullptr;
    return name != nullptr ? name : "";
  }
  [[nodiscard]] std::string ClientName() const {
    X509* const certificate = ssl_ ? SSL_get0_peer_certificate(ssl_.get()) : nullptr;
    if (certificate == nullptr) return {};
    std::array<char, 256> name{};
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name.data(),
                              static_cast<int>(name.size()));
    return name.data();
  }

  // What came in and was not consumed; the reader takes bytes off its front.
  [[nodiscard]] std::string& input() { return input_; }
  // Adds to input(); false at the end of the connection.
  bool ReadMore() {
    std::array<char, 16384> block{};
    std::size_t count = 0;
    if (ssl_) {
      if (SSL_read_ex(ssl_.get(), block.data(), block.size(), &count) != 1) return false;
    } else {
      const ssize_t result = ::recv(socket_, block.data(), block.size(), 0);
      if (result <= 0) return false;
      count = static_cast<std::size_t>(result);
    }
    input_.append(block.data(), count);
    return true;
  }
  // True when ReadMore would not block, within `pause`.
  [[nodiscard]] bool Readable(std::chrono::milliseconds pause) const {
    if (ssl_ && SSL_pending(ssl_.get()) > 0) return true;
    pollfd poll_for{socket_, POLLIN, 0};
    return ::poll(&poll_for, 1, static_cast<int>(pause.count())) > 0;
  }

  bool Write(std::string_view bytes) {
    if (bytes.empty()) return true;
    if (ssl_) {
      std::size_t written = 0;
      return SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &written) == 1;
    }
    while (!bytes.empty()) {
      const ssize_t count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }

  // Ends the connection without a TLS closure alert; reads and writes under way return.
  void Cut() { ::shutdown(socket_, SHUT_RDWR); }

  // Cuts the connection, and nobody waits for a request to be finished any more.
  void Stop() {
    Cut();
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }

  // Hands the connection back to its own thread, which waits while someone answers a request.
  void Finish() {
    const std::lock_guard lock(mutex_);
    finished_ = true;
    changed_.notify_all();
  }
  // False when the connection was stopped instead.
  bool WaitUntilFinished() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return finished_ || stopped_; });
    finished_ = false;
    return !stopped_;
  }

 private:
  struct SslFree {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  // OpenSSL's own socket BIO would raise SIGPIPE where the client has gone.
  static const BIO_METHOD* Method() {
    static BIO_METHOD* const method = [] {
      BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "test socket");
      BIO_meth_set_read(made, [](BIO* bio, char* data, int size) {
        const auto* self = static_cast<ServerConnection*>(BIO_get_data(bio));
        return static_cast<int>(::recv(self->socket_, data, static_cast<std::size_t>(size), 0));
      });
      BIO_meth_set_write(made, [](BIO* bio, const char* data, int size) {
        const auto* self = static_cast<ServerConnection*>(BIO_get_data(bio));
        return static_cast<int>(
            ::send(self->socket_, data, static_cast<std::size_t>(size), MSG_NOSIGNAL));
      });
      BIO_meth_set_ctrl(made, [](BIO*, int command, long, void*) -> long {
        return command == BIO_CTRL_FLUSH ? 1 : 0;
      });
      return made;
    }();
    return method;
  }

  const int number_;
  const int socket_;
  std::unique_ptr<SSL, SslFree> ssl_;
  std::string input_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool finished_ = false;  // guarded by mutex_
  bool stopped_ = false;   // guarded by mutex_
};

}  // namespace stockade::testing
