#include "cli/unified_diff.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "base/strings.h"

namespace stockade::cli {
namespace {

constexpr std::size_t kContext = 3;

using Lines = std::vector<std::string_view>;

Lines LinesOf(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  return text.empty() ? Lines() : Split(text, '\n');
}

struct Edit {
  char mark;  // ' ', '-' or '+'
  std::string_view line;
};

// The edits that turn `a` into `b` with as few lines as possible (longest common subsequence).
std::vector<Edit> EditsOf(const Lines& a, const Lines& b) {
  const std::size_t width = b.size() + 1;
  std::vector<std::size_t> common((a.size() + 1) * width, 0);  // of the rests from i and j on
  for (std::size_t i = a.size(); i-- > 0;) {
    for (std::size_t j = b.size(); j-- > 0;) {
      common[i * width + j] =
          a[i] == b[j] ? common[(i + 1) * width + j + 1] + 1
                       : std::max(common[(i + 1) * width + j], common[i * width + j + 1]);
    }
  }
  std::vector<Edit> edits;
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() || j < b.size()) {
    if (i < a.size() && j < b.size() && a[i] == b[j]) {
      edits.push_back({' ', a[i++]});
      ++j;
    } else if (j == b.size() ||
               (i < a.size() && common[(i + 1) * width + j] >= common[i * width + j + 1])) {
      edits.push_back({'-', a[i++]});
    } else {
      edits.push_back({'+', b[j++]});
    }
  }
  return edits;
}

std::string Range(std::size_t start, std::size_t count) {
  // A range without lines is named by the line before it.
  return std::to_string(count == 0 ? start : start + 1) +
         (count == 1 ? "" : "," + std::to_string(count));
}

}  // namespace

std::string UnifiedDiff(std::string_view before, std::string_view before_text,
                        std::string_view after, std::string_view after_text) {
  if (before_text == after_text) return "";
  const std::vector<Edit> edits = EditsOf(LinesOf(before_text), LinesOf(after_text));
  std::string text = "--- " + std::string(before) + "\n+++ " + std::string(after) + "\n";
  std::size_t old_line = 0;
  std::size_t new_line = 0;
  for (std::size_t at = 0; at < edits.size();) {
    // The next change, and where its hunk ends: more context than two hunks need is left out.
    std::size_t first = at;
    while (first < edits.size() && edits[first].mark == ' ') ++first;
    if (first == edits.size()) break;
    const std::size_t start = std::max(at, first - std::min(first, kContext));
    std::size_t end = first;
    for (std::size_t i = first; i < edits.size() && i <= end + 2 * kContext + 1; ++i) {
      if (edits[i].mark != ' ') end = i;
    }
    const std::size_t stop = std::min(edits.size(), end + kContext + 1);
    old_line += start - at;
    new_line += start - at;
    std::string body;
    std::size_t old_count = 0;
    std::size_t new_count = 0;
    for (std::size_t i = start; i < stop; ++i) {
      if (edits[i].mark != '+') ++old_count;
      if (edits[i].mark != '-') ++new_count;
      body += edits[i].mark + std::string(edits[i].line) + "\n";
    }
    text +=
        "@@ -" + Range(old_line, old_count) + " +" + Range(new_line, new_count) + " @@\n" + body;
    old_line += old_count;
    new_line += new_count;
    at = stop;
  }
  return text;
}

}  // namespace stockade::cli
