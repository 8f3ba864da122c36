#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "codec/json.h"

namespace stockade::kube {

// Cuts the byte stream of a watch into its lines, one JSON event each, wherever the pieces end.
// Holds at most one incomplete line. For one thread.
class FrameSplitter {
 public:
  explicit FrameSplitter(std::size_t max_frame_bytes) : max_frame_bytes_(max_frame_bytes) {}

  void Append(std::string_view data);
  // The next complete line that is not blank, valid until the next call; nothing when more data is
  // needed. Unavailable when a line is longer than the limit; the stream is lost then.
  Result<std::optional<std::string_view>> Next();
  // True when no part of a line is held.
  [[nodiscard]] bool empty() const { return begin_ == buffer_.size(); }
  void Clear();

 private:
  const std::size_t max_frame_bytes_;
  std::string buffer_;
  std::size_t begin_ = 0;    // of the first line that was not returned
  std::size_t scanned_ = 0;  // no newline from begin_ to here
};

enum class WatchEventType { kAdded, kModified, kDeleted, kBookmark, kError };

// One decoded event. The views belong to the document.
struct WatchEvent {
  WatchEventType type;
  codec::JsonDocument document;
  codec::JsonView object;             // for kError a metav1.Status
  std::string_view resource_version;  // of the object; empty for kError alone
};

// Unavailable says what is wrong with the frame.
Result<WatchEvent> DecodeWatchEvent(std::string_view frame);

}  // namespace stockade::kube
