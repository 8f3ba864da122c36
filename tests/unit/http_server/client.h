#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "certificates.h"

namespace stockade::http_server {

// Waits until `condition` holds, asking again and again; false when a minute was not enough.
bool Eventually(const std::function<bool()>& condition);

// How a client greets a TLS server.
struct ClientTls {
  std::string ca;                      // PEM; the server's certificate must be of it
  const Identity* identity = nullptr;  // to present when asked
  int max_version = 0;                 // for example TLS1_1_VERSION; 0: the newest
};

// One response as it came over the wire. Status 0: none came.
struct Reply {
  int status = 0;
  std::map<std::string, std::string> headers;  // by their names in lower case
  std::string body;

  [[nodiscard]] std::string Header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
  }
};

// A connection to a server of this machine that sends exactly the bytes it is told to. Each step
// gives up after a minute. Belongs to one thread at a time.
class Client {
 public:
  // Makes the socket alone; Connect does the rest.
  Client();
  // Connected, plain.
  explicit Client(std::uint16_t port);
  // Connected, with the handshake attempted; see handshake_error().
  Client(std::uint16_t port, const ClientTls& tls);
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  // False when the port takes no connection.
  bool Connect(std::uint16_t port, const std::string& address = "127.0.0.1");
  // Negotiates TLS on a connected socket; false when the handshake fails.
  bool Handshake(const ClientTls& tls);
  // What OpenSSL said of the last step that failed; empty when none did.
  [[nodiscard]] const std::string& tls_error() const;
  // The common name in the certificate that the server presented.
  [[nodiscard]] std::string ServerName() const;

  // Sends all of `text`; false when the server is gone.
  bool Send(std::string_view text);
  // Sends `piece` over and over until the server answers or goes. False when it takes 64 MiB.
  bool SendUntilAnswered(std::string_view piece);
  // Sends `piece` again after each `pause`, until the server closes the connection. False when it
  // does not within a minute.
  bool TrickleUntilClosed(std::string_view piece, std::chrono::milliseconds pause);
  // Says that nothing more will come, and still listens.
  void FinishSending();

  // The next response, with what its Content-Length announces unless `with_body` is false.
  Reply Receive(bool with_body = true);
  // Sends a request and returns its response.
  Reply Ask(std::string_view request);
  Reply Get(std::string_view target);
  // What comes until the server ends the connection; "TIMEOUT" when it does not.
  std::string ReceiveRest();
  // True when the server ends the connection without a further byte.
  bool IsEnded() { return ReceiveRest().empty(); }

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stockade::http_server
