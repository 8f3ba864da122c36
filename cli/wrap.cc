#include "cli/wrap.h"

#include "base/strings.h"

namespace stockade::cli {
namespace {

constexpr std::size_t kColumns = 100;

}  // namespace

std::string Wrap(std::string_view text, std::size_t indent) {
  std::string wrapped;
  std::size_t column = indent;
  bool first = true;
  for (const std::string_view word : Split(text, ' ')) {
    if (!first && column + 1 + word.size() > kColumns) {
      wrapped += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (!first) {
      wrapped += ' ';
      ++column;
    }
    wrapped += word;
    column += word.size();
    first = false;
  }
  return wrapped + "\n";
}

}  // namespace stockade::cli
