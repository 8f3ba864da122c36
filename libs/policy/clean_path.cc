#include "policy/clean_path.h"

namespace stockade::policy {
namespace {

// Calls f(segment) for each part between slashes, empty ones included.
template <typename F>
void ForEachSegment(std::string_view path, F&& f) {
  while (true) {
    const std::size_t end = path.find('/');
    f(path.substr(0, end));
    if (end == std::string_view::npos) return;
    path.remove_prefix(end + 1);
  }
}

}  // namespace

CleanPath::CleanPath(std::string_view path) {
  ForEachSegment(path, [this](std::string_view segment) {
    if (segment.empty() || segment == "." || too_deep_) return;
    if (segment == "..") {
      if (count_ > 0) --count_;
    } else if (count_ == kMaxSegments) {
      too_deep_ = true;
    } else {
      segments_[count_++] = segment;
    }
  });
}

bool CleanPath::IsAtOrUnder(std::string_view directory) const {
  std::size_t index = 0;
  bool matches = true;
  ForEachSegment(directory, [&](std::string_view segment) {
    matches = matches && index < count_ && segments_[index] == segment;
    ++index;
  });
  return matches;
}

bool CleanPath::Is(std::string_view path) const {
  std::size_t length = 0;
  ForEachSegment(path, [&length](std::string_view) { ++length; });
  return count_ == length && IsAtOrUnder(path);
}

bool HasParentSegment(std::string_view path) {
  bool found = false;
  ForEachSegment(path, [&found](std::string_view segment) { found = found || segment == ".."; });
  return found;
}

}  // namespace stockade::policy
