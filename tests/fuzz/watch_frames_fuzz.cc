// The bytes of a watch, in pieces of any size. The pieces are drawn from the input itself, so that
// a corpus file is the stream as it is. However it is cut, the lines must be those of the text.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "fuzzing.h"
#include "kube/watch_frames.h"

namespace kube = stockade::kube;
using stockade::fuzz::Require;

namespace {

constexpr std::size_t kMaxFrameBytes = 2000;

// The lines that are not blank, and whether one was longer than the limit; nothing follows it.
struct Lines {
  std::vector<std::string> lines;
  bool too_long = false;

  bool operator==(const Lines&) const = default;
};

Lines Expected(std::string_view text) {
  Lines expected;
  for (;;) {
    const std::size_t newline = text.find('\n');
    const std::string_view line = text.substr(0, newline);
    if (line.size() > kMaxFrameBytes) {
      expected.too_long = true;
      return expected;
    }
    if (newline == std::string_view::npos) return expected;
    if (!stockade::TrimSpace(line).empty()) expected.lines.emplace_back(line);
    text.remove_prefix(newline + 1);
  }
}

// FNV-1a: any input has a sequence of pieces of its own.
std::uint64_t HashOf(std::string_view text) {
  std::uint64_t hash = 14695981039346656037U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return hash;
}

Lines Split(std::string_view text, std::size_t largest_piece) {
  Lines seen;
  kube::FrameSplitter splitter(kMaxFrameBytes);
  std::uint64_t random = HashOf(text) | 1U;
  while (!text.empty()) {
    random ^= random << 13U;
    random ^= random >> 7U;
    random ^= random << 17U;
    const std::size_t size = std::min(text.size(), 1 + random % largest_piece);
    splitter.Append(text.substr(0, size));
    text.remove_prefix(size);
    for (;;) {
      const auto frame = splitter.Next();
      if (!frame.ok()) {
        seen.too_long = true;
        return seen;
      }
      if (!*frame) break;
      seen.lines.emplace_back(**frame);
    }
  }
  return seen;
}

void CheckEvent(const std::string& frame) {
  const auto event = kube::DecodeWatchEvent(frame);
  if (!event.ok()) return;
  Require(event->object.IsObject(), "an event has an object", frame);
  Require(event->type == kube::WatchEventType::kError || !event->resource_version.empty(),
          "an object has a resourceVersion", frame);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = stockade::fuzz::TextOf(data, size);
  const Lines expected = Expected(text);
  for (const std::size_t largest : {std::size_t{3}, std::size_t{500}, size + 1}) {
    Require(Split(text, largest) == expected, "the pieces do not matter");
  }
  for (const std::string& line : expected.lines) CheckEvent(line);
  return 0;
}
