#include "canary/attempts.h"

#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <utility>

namespace stockade::canary {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// A query for the name servers of the root, recursion desired: every DNS server has an answer to
// it, if only a refusal.
constexpr std::array<unsigned char, 17> kQuery = {0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0,
                                                  // the root, NS, IN
                                                  0, 0, 2, 0, 1};

// One target under way. Owns its socket.
class Probe {
 public:
  explicit Probe(const Target& target) : udp_(target.protocol == Protocol::kUdp) {
    const int kind = (udp_ ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
    socket_ = ::socket(target.address.ss_family, kind, 0);
    if (socket_ < 0) {
      End(errno);
    } else if (::connect(socket_, reinterpret_cast<const sockaddr*>(&target.address),
                         target.address_size) != 0) {
      if (errno != EINPROGRESS) End(errno);
    } else if (udp_) {
      Ask();
    } else {
      attempt_ = Attempt{Outcome::kOpen, 0};
    }
  }
  ~Probe() {
    if (socket_ >= 0) ::close(socket_);
  }
  Probe(Probe&& other) noexcept
      : udp_(other.udp_), socket_(std::exchange(other.socket_, -1)), attempt_(other.attempt_) {}
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;
  Probe& operator=(Probe&&) = delete;

  // Sends the query, for UDP.
  void Ask() {
    if (!udp_ || attempt_) return;
    std::array<unsigned char, kQuery.size()> query = kQuery;
    // Only tells one query of a log from another.
    if (::getrandom(query.data(), 2, GRND_NONBLOCK) != 2) query[0] = query[1] = 1;
    if (::send(socket_, query.data(), query.size(), MSG_NOSIGNAL) < 0 && errno != EAGAIN) {
      End(errno);
    }
  }
  // The socket has something to say.
  void Look() {
    if (udp_) {
      std::array<unsigned char, 512> answer{};
      if (::recv(socket_, answer.data(), answer.size(), 0) >= 0) {
        attempt_ = Attempt{Outcome::kOpen, 0};
      } else if (errno != EAGAIN && errno != EINTR) {
        End(errno);
      }
      return;
    }
    int error = 0;
    socklen_t size = sizeof(error);
    if (::getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return End(errno);
    if (error != 0) return End(error);
    attempt_ = Attempt{Outcome::kOpen, 0};
  }

  [[nodiscard]] bool ended() const { return attempt_.has_value(); }
  [[nodiscard]] Attempt attempt() const { return attempt_.value_or(Attempt{Outcome::kSilent, 0}); }
  [[nodiscard]] pollfd Waits() const {
    // A negative descriptor is left out by poll.
    return {.fd = attempt_ ? -1 : socket_,
            .events = static_cast<short>(udp_ ? POLLIN : POLLOUT),
            .revents = 0};
  }

 private:
  void End(int error) { attempt_ = Attempt{OutcomeOf(error), error}; }

  bool udp_;
  int socket_ = -1;
  std::optional<Attempt> attempt_;
};

// Waits for those that are under way until `deadline`, or until all have ended. Looks once more
// after it: a process that was not given the processor in time must not take for silence what has
// come.
void Wait(std::vector<Probe>& probes, steady_clock::time_point deadline) {
  for (bool in_time = true; in_time && !std::ranges::all_of(probes, &Probe::ended);) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    in_time = left > milliseconds::zero();
    std::vector<pollfd> waits;
    waits.reserve(probes.size());
    for (const Probe& probe : probes) waits.push_back(probe.Waits());
    const int timeout = in_time ? static_cast<int>(left.count()) : 0;
    if (::poll(waits.data(), waits.size(), timeout) <= 0) continue;
    for (std::size_t i = 0; i < waits.size(); ++i) {
      if (waits[i].revents != 0) probes[i].Look();
    }
  }
}

}  // namespace

Outcome OutcomeOf(int error) {
  switch (error) {
    case ECONNREFUSED:
    case ECONNRESET:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENETDOWN:
    case ENONET:
    case EPROTO:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
    // What a filter on this machine may answer.
    case EACCES:
    case EPERM:
    // No IPv6 here at all, or no address of its scope.
    case EAFNOSUPPORT:
    case EADDRNOTAVAIL:
    case EINVAL:
      return Outcome::kRefused;
    case ETIMEDOUT:
      return Outcome::kSilent;
    default:
      return Outcome::kFailed;
  }
}

std::vector<Attempt> Try(std::span<const Target> targets, milliseconds timeout) {
  std::vector<Probe> probes;
  probes.reserve(targets.size());
  for (const Target& target : targets) probes.emplace_back(target);
  const auto begin = steady_clock::now();
  Wait(probes, begin + timeout / 2);
  for (Probe& probe : probes) probe.Ask();
  Wait(probes, begin + timeout);
  std::vector<Attempt> attempts;
  attempts.reserve(probes.size());
  for (const Probe& probe : probes) attempts.push_back(probe.attempt());
  return attempts;
}

}  // namespace stockade::canary
