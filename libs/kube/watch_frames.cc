#include "kube/watch_frames.h"

#include <array>
#include <utility>

#include "base/strings.h"

namespace stockade::kube {
namespace {

// A buffer that one large frame has grown is given back.
constexpr std::size_t kKeptCapacity = std::size_t{1024} * 1024;

constexpr std::array<std::pair<std::string_view, WatchEventType>, 5> kTypes{{
    {"ADDED", WatchEventType::kAdded},
    {"MODIFIED", WatchEventType::kModified},
    {"DELETED", WatchEventType::kDeleted},
    {"BOOKMARK", WatchEventType::kBookmark},
    {"ERROR", WatchEventType::kError},
}};

Status Malformed(const std::string& what) {
  return {StatusCode::kUnavailable, "the watch sent a malformed event: " + what};
}

}  // namespace

void FrameSplitter::Append(std::string_view data) {
  buffer_.erase(0, begin_);
  scanned_ -= begin_;
  begin_ = 0;
  if (buffer_.empty() && buffer_.capacity() > kKeptCapacity) buffer_ = std::string();
  buffer_.append(data);
}

Result<std::optional<std::string_view>> FrameSplitter::Next() {
  for (;;) {
    const std::size_t newline = buffer_.find('\n', scanned_);
    const std::size_t end = newline == std::string::npos ? buffer_.size() : newline;
    if (end - begin_ > max_frame_bytes_) {
      return Status(StatusCode::kUnavailable, "the watch sent an event of more than " +
                                                  std::to_string(max_frame_bytes_) + " bytes");
    }
    if (newline == std::string::npos) {
      scanned_ = end;
      return std::optional<std::string_view>();
    }
    const std::string_view line = std::string_view(buffer_).substr(begin_, end - begin_);
    begin_ = newline + 1;
    scanned_ = begin_;
    if (!TrimSpace(line).empty()) return std::optional<std::string_view>(line);
  }
}

void FrameSplitter::Clear() {
  buffer_.clear();
  begin_ = 0;
  scanned_ = 0;
}

Result<WatchEvent> DecodeWatchEvent(std::string_view frame) {
  Result<codec::JsonDocument> document = codec::JsonDocument::Parse(frame);
  if (!document.ok()) return Malformed(document.status().message());
  const std::string_view type = document->root()["type"].StringOrEmpty();
  const codec::JsonView object = document->root()["object"];
  for (const auto& [name, value] : kTypes) {
    if (type != name) continue;
    if (!object.IsObject()) return Malformed("it has no object");
    if (value == WatchEventType::kError) return WatchEvent{value, std::move(*document), object, {}};
    const std::string_view version = object["metadata"]["resourceVersion"].StringOrEmpty();
    if (version.empty()) return Malformed("its object has no resourceVersion");
    return WatchEvent{value, std::move(*document), object, version};
  }
  return Malformed("its type is \"" + Truncate(type, 40) + "\"");
}

}  // namespace stockade::kube
