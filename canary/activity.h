#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <vector>

namespace stockade::canary {

// One line of /proc/net/tcp or /proc/net/tcp6. A plain value.
struct TcpSocket {
  using Address = std::array<unsigned char, 16>;  // in the network's order; IPv4 as ::ffff:a.b.c.d

  Address local{};
  Address remote{};
  std::uint16_t local_port = 0;
  std::uint16_t remote_port = 0;
  unsigned state = 0;  // of the kernel's include/net/tcp_states.h

  auto operator<=>(const TcpSocket&) const = default;
};

// Nothing for the headline, and for anything else that is no socket.
[[nodiscard]] std::optional<TcpSocket> ParseTcpSocket(std::string_view line);

// Whether the sockets of a pod tell that somebody uses it, sample by sample. One counts that
// belongs to
// - a connection by the loopback device to the proxy's port, whatever its state, from the first
//   packet until the kernel forgets it;
// - an established connection from outside to a port where somebody listens, when the sample before
//   had it as well: a probe of the kubelet's comes and goes.
// For one thread.
class Activity {
 public:
  // `proxy_port` is 0 where the pod has no proxy.
  explicit Activity(std::uint16_t proxy_port) : proxy_port_(proxy_port) {}

  // A sample: every line of the tables, and then whether they tell of use.
  void Add(std::string_view line);
  [[nodiscard]] bool Finish();

 private:
  using Connection = std::tuple<TcpSocket::Address, std::uint16_t, std::uint16_t>;

  const std::uint16_t proxy_port_;
  bool used_ = false;
  std::bitset<65536> listening_;
  std::vector<TcpSocket> from_elsewhere_;
  std::set<Connection> before_;
};

}  // namespace stockade::canary
