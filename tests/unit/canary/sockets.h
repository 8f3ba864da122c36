#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "canary/target.h"

namespace stockade::canary {

// A socket bound to a free port of a loopback address; what cannot be had ends the program.
class BoundSocket {
 public:
  BoundSocket(int kind, const std::string& host) : host_(host) {
    socket_ = ::socket(IsIpv6() ? AF_INET6 : AF_INET, kind | SOCK_CLOEXEC, 0);
    sockaddr_storage address{};
    socklen_t size = 0;
    if (IsIpv6()) {
      auto* const ipv6 = reinterpret_cast<sockaddr_in6*>(&address);
      ipv6->sin6_family = AF_INET6;
      ::inet_pton(AF_INET6, host.c_str(), &ipv6->sin6_addr);
      size = sizeof(sockaddr_in6);
    } else {
      auto* const ipv4 = reinterpret_cast<sockaddr_in*>(&address);
      ipv4->sin_family = AF_INET;
      ::inet_pton(AF_INET, host.c_str(), &ipv4->sin_addr);
      size = sizeof(sockaddr_in);
    }
    if (::bind(socket_, reinterpret_cast<const sockaddr*>(&address), size) != 0) std::abort();
    if (::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) != 0) std::abort();
    port_ = ntohs(IsIpv6() ? reinterpret_cast<sockaddr_in6*>(&address)->sin6_port
                           : reinterpret_cast<sockaddr_in*>(&address)->sin_port);
  }
  ~BoundSocket() { Close(); }
  BoundSocket(const BoundSocket&) = delete;
  BoundSocket& operator=(const BoundSocket&) = delete;

  void Close() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }
  [[nodiscard]] int fd() const { return socket_; }
  // "127.0.0.1:4711" or "[::1]:4711".
  [[nodiscard]] std::string authority() const {
    return (IsIpv6() ? "[" + host_ + "]" : host_) + ":" + std::to_string(port_);
  }

 private:
  [[nodiscard]] bool IsIpv6() const { return host_.find(':') != std::string::npos; }

  const std::string host_;
  int socket_ = -1;
  std::uint16_t port_ = 0;
};

// Accepts TCP connections into its backlog.
class Listener {
 public:
  explicit Listener(const std::string& host = "127.0.0.1", int backlog = 64)
      : socket_(SOCK_STREAM, host) {
    if (::listen(socket_.fd(), backlog) != 0) std::abort();
  }

  [[nodiscard]] std::string text() const { return "tcp://" + socket_.authority(); }
  [[nodiscard]] Target target() const { return ParseTarget(text()).value(); }
  // Waits for a connection, takes it and ends it.
  void AcceptOne() {
    const int accepted = ::accept(socket_.fd(), nullptr, nullptr);
    if (accepted < 0) std::abort();
    ::close(accepted);
  }
  // From now on it refuses.
  void Close() { socket_.Close(); }

 private:
  BoundSocket socket_;
};

// A port on which nobody listens while this object lives.
class ClosedPort {
 public:
  explicit ClosedPort(int kind = SOCK_STREAM, const std::string& host = "127.0.0.1")
      : socket_(kind, host), tcp_(kind == SOCK_STREAM) {}

  [[nodiscard]] std::string text() const {
    return (tcp_ ? "tcp://" : "udp://") + socket_.authority();
  }
  [[nodiscard]] Target target() const { return ParseTarget(text()).value(); }
  // From now on it accepts TCP connections.
  void Listen() {
    if (::listen(socket_.fd(), 64) != 0) std::abort();
  }

 private:
  BoundSocket socket_;
  bool tcp_;
};

// A listener whose backlog is full: the kernel drops further connections' packets, as a filter
// does.
class SilentListener {
 public:
  explicit SilentListener(const std::string& host = "127.0.0.1") : listener_(host, 0) {
    // Until one is not taken any more.
    const Target target = listener_.target();
    for (int i = 0; i < 16; ++i) {
      const int client =
          ::socket(target.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      (void)::connect(client, reinterpret_cast<const sockaddr*>(&target.address),
                      target.address_size);
      clients_.push_back(client);
      pollfd wait{.fd = client, .events = POLLOUT, .revents = 0};
      if (::poll(&wait, 1, 100) == 0) return;
    }
    std::abort();
  }
  ~SilentListener() {
    for (const int client : clients_) ::close(client);
  }
  SilentListener(const SilentListener&) = delete;
  SilentListener& operator=(const SilentListener&) = delete;

  [[nodiscard]] std::string text() const { return listener_.text(); }
  [[nodiscard]] Target target() const { return listener_.target(); }

 private:
  Listener listener_;
  std::vector<int> clients_;
};

// A UDP server that answers the queries after the first `ignored` with what it got, on a thread of
// its own; and keeps the last of them. `on_query` is called on that thread at each.
class UdpServer {
 public:
  explicit UdpServer(
      int ignored = 0, const std::string& host = "127.0.0.1",
      std::function<void()> on_query = [] {})
      : socket_(SOCK_DGRAM, host),
        on_query_(std::move(on_query)),
        thread_([this, ignored] { Serve(ignored); }) {}
  ~UdpServer() {
    stop_ = true;
    thread_.join();
  }
  UdpServer(const UdpServer&) = delete;
  UdpServer& operator=(const UdpServer&) = delete;

  [[nodiscard]] std::string text() const { return "udp://" + socket_.authority(); }
  [[nodiscard]] Target target() const { return ParseTarget(text()).value(); }
  [[nodiscard]] int queries() const { return queries_; }
  // Of the thread that has seen an answer.
  [[nodiscard]] const std::string& query() const { return query_; }

 private:
  void Serve(int ignored) {
    while (!stop_) {
      pollfd wait{.fd = socket_.fd(), .events = POLLIN, .revents = 0};
      if (::poll(&wait, 1, 20) <= 0) continue;
      char data[512];
      sockaddr_storage peer{};
      socklen_t size = sizeof(peer);
      const ssize_t got = ::recvfrom(socket_.fd(), data, sizeof(data), 0,
                                     reinterpret_cast<sockaddr*>(&peer), &size);
      if (got < 0) continue;
      query_.assign(data, static_cast<std::size_t>(got));
      on_query_();
      if (++queries_ <= ignored) continue;
      (void)::sendto(socket_.fd(), data, static_cast<std::size_t>(got), 0,
                     reinterpret_cast<const sockaddr*>(&peer), size);
    }
  }

  BoundSocket socket_;
  const std::function<void()> on_query_;
  std::atomic<bool> stop_ = false;
  std::atomic<int> queries_ = 0;
  std::string query_;
  std::thread thread_;
};

}  // namespace stockade::canary
