#pragma once

#include <string>

namespace stockade::cli {

// Marks parts of a text for a terminal, or leaves them as they are.
class Colours {
 public:
  explicit Colours(bool enabled) : enabled_(enabled) {}

  [[nodiscard]] std::string Bold(const std::string& text) const { return Mark("1", text); }
  [[nodiscard]] std::string Red(const std::string& text) const { return Mark("1;31", text); }
  [[nodiscard]] std::string Green(const std::string& text) const { return Mark("32", text); }
  [[nodiscard]] std::string Yellow(const std::string& text) const { return Mark("1;33", text); }

 private:
  [[nodiscard]] std::string Mark(const char* code, const std::string& text) const {
    return enabled_ ? "\x1b[" + std::string(code) + "m" + text + "\x1b[0m" : text;
  }

  bool enabled_;
};

}  // namespace stockade::cli
