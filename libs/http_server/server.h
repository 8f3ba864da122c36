#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/status.h"

namespace stockade::http_server {

// One request, its body complete. The views live until the handler returns.
struct Request {
  std::string_view method;  // HEAD arrives as GET; the server leaves the body out of the answer
  std::string_view path;    // of the target, before '?', not decoded
  std::string_view query;   // after '?', not decoded
  std::string_view content_type;
  std::string_view body;
};

struct Response {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body = {};
  std::vector<std::pair<std::string, std::string>> headers = {};  // beside those of the server
};

// Called from any of the server's threads, several at once; must not block for long. An exception
// that escapes it is logged and answered with 500.
using Handler = std::function<Response(const Request&)>;

// Bounds for one server, each a defence against a slow, greedy or broken client.
struct Limits {
  std::size_t header_bytes = 16 * std::size_t{1024};  // of the request line, and of the fields
  std::size_t body_bytes =
      7 * std::size_t{1024} * 1024;  // the API server sends at most 3 MiB twice
  // Each is a deadline for the whole step, however the bytes trickle in.
  std::chrono::milliseconds handshake_timeout = std::chrono::seconds(5);
  std::chrono::milliseconds header_timeout = std::chrono::seconds(5);
  std::chrono::milliseconds body_timeout = std::chrono::seconds(10);  // and for taking the answer
  std::chrono::milliseconds idle_timeout = std::chrono::seconds(90);  // between two requests
  std::size_t connections = 1024;  // more are closed as soon as they are accepted
};

// Where a server's identity comes from; it is swapped without dropping a connection. Files are
// polled. Without a certificate file the identity is given in memory, by Server::SetIdentity, and
// until then every connection is closed as soon as it is accepted.
struct TlsFiles {
  std::string certificate_file;  // PEM chain, leaf first
  std::string key_file;          // PEM; set when the certificate file is
  std::string client_ca_file;    // PEM; when set, clients must present a certificate of it
  std::chrono::milliseconds poll_interval = std::chrono::seconds(10);
};

struct ServerOptions {
  std::string address = "0.0.0.0";
  std::uint16_t port = 0;  // 0: any free port
  std::size_t threads = 1;
  Limits limits;
  const TlsFiles* tls = nullptr;  // plain HTTP when null; copied
};

// An HTTP/1.1 server. Start binds, reads the certificate and begins to serve; every error of the
// configuration (address in use, certificate and key that do not match, unreadable file) is its
// Status. Stop accepts no more, lets requests under way finish for at most `grace`, and joins the
// threads; the destructor stops with no grace. Start, Stop and the destructor belong to one thread
// that is none of the server's own; the logger must outlive the server. The server's threads
// inherit the caller's signal mask, and the process should ignore SIGPIPE.
class Server {
 public:
  static Result<std::unique_ptr<Server>> Start(const ServerOptions& options, Handler handler,
                                               Logger& logger);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  // Connections that are open now, and those turned away over the cap so far. From any thread.
  [[nodiscard]] std::size_t open_connections() const;
  [[nodiscard]] std::uint64_t refused_connections() const;
  // Unavailable when there is no certificate yet, or the one in use has expired; for a readiness
  // check. From any thread.
  [[nodiscard]] Status CheckCertificate() const;
  // When the certificate in use expires; the epoch without one. From any thread.
  [[nodiscard]] std::chrono::system_clock::time_point certificate_not_after() const;
  // Takes an identity in PEM for new connections, soon. One that cannot be used is logged, and the
  // old one stays. From any thread, but not once Stop was called.
  void SetIdentity(std::string certificate, std::string key);
  void Stop(std::chrono::milliseconds grace);

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace stockade::http_server
