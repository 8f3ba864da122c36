#include "canary/activity.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

namespace stockade::canary {
namespace {

constexpr unsigned kEstablished = 0x01;
constexpr unsigned kClosed = 0x07;
constexpr unsigned kListening = 0x0A;
// More connections than this at once are use, whoever made them.
constexpr std::size_t kMostConnections = 4096;
constexpr std::size_t kMappedPrefix = 12;  // of ::ffff:a.b.c.d, before the address itself

std::string_view NextWord(std::string_view& text) {
  const std::size_t begin = std::min(text.find_first_not_of(' '), text.size());
  text.remove_prefix(begin);
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(word.size());
  return word;
}

template <typename Number>
bool ReadHex(std::string_view text, Number& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, 16);
  return error == std::errc() && end == text.data() + text.size();
}

// "0100007F:0C38": words of 32 bits, each in this machine's order.
bool ReadEndpoint(std::string_view text, TcpSocket::Address& address, std::uint16_t& port) {
  constexpr std::size_t kDigits = 8;
  const std::size_t colon = text.find(':');
  if (colon != kDigits && colon != 4 * kDigits) return false;
  if (!ReadHex(text.substr(colon + 1), port)) return false;
  const bool four = colon == kDigits;
  if (four) address[kMappedPrefix - 2] = address[kMappedPrefix - 1] = 0xFF;
  unsigned char* out = address.data() + (four ? kMappedPrefix : 0);
  for (std::size_t at = 0; at < colon; at += kDigits, out += sizeof(std::uint32_t)) {
    std::uint32_t word = 0;
    if (!ReadHex(text.substr(at, kDigits), word)) return false;
    std::memcpy(out, &word, sizeof(word));
  }
  return true;
}

bool IsLoopback(const TcpSocket::Address& address) {
  constexpr TcpSocket::Address kSix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  constexpr std::array<unsigned char, kMappedPrefix + 1> kFour = {0, 0, 0, 0,    0,    0,  0,
                                                                  0, 0, 0, 0xFF, 0xFF, 127};
  return address == kSix || std::equal(kFour.begin(), kFour.end(), address.begin());
}

}  // namespace

std::optional<TcpSocket> ParseTcpSocket(std::string_view line) {
  TcpSocket socket;
  if (!NextWord(line).ends_with(':')) return std::nullopt;
  if (!ReadEndpoint(NextWord(line), socket.local, socket.local_port) ||
      !ReadEndpoint(NextWord(line), socket.remote, socket.remote_port) ||
      !ReadHex(NextWord(line), socket.state)) {
    return std::nullopt;
  }
  return socket;
}

void Activity::Add(std::string_view line) {
  const auto socket = ParseTcpSocket(line);
  if (!socket || socket->state == kClosed) return;
  if (socket->state == kListening) {
    listening_.set(socket->local_port);
    return;
  }
  if (IsLoopback(socket->local) || IsLoopback(socket->remote)) {
    used_ = used_ || (proxy_port_ != 0 &&
                      (socket->local_port == proxy_port_ || socket->remote_port == proxy_port_));
    return;
  }
  // What the pod says to itself by its own address comes from no one else.
  if (socket->state != kEstablished || socket->local == socket->remote) return;
  if (from_elsewhere_.size() < kMostConnections) {
    from_elsewhere_.push_back(*socket);
  } else {
    used_ = true;
  }
}

bool Activity::Finish() {
  std::set<Connection> now;
  for (const TcpSocket& socket : from_elsewhere_) {
    if (!listening_.test(socket.local_port)) continue;
    const Connection connection{socket.remote, socket.remote_port, socket.local_port};
    used_ = used_ || before_.contains(connection);
    now.insert(connection);
  }
  before_ = std::move(now);
  from_elsewhere_.clear();
  listening_.reset();
  return std::exchange(used_, false);
}

}  // namespace stockade::canary
