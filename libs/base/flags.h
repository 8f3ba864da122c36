#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "base/strings.h"

namespace stockade {

// One option of a program, written "--name VALUE" or "--name=VALUE", or "--name" alone when it
// takes no value.
struct Flag {
  std::string_view name;   // without the dashes
  std::string_view value;  // what the help calls its value, for example "FILE"; empty: takes none
  std::string_view help;   // one line
};

// What a command line says. A plain value.
class ParsedFlags {
 public:
  // The value of the option that was given, or empty.
  [[nodiscard]] std::string_view Value(std::string_view name) const {
    for (const Given& given : given_) {
      if (given.name == name) return given.value;
    }
    return {};
  }
  [[nodiscard]] bool Has(std::string_view name) const {
    for (const Given& given : given_) {
      if (given.name == name) return true;
    }
    return false;
  }

 private:
  friend Result<ParsedFlags> ParseFlags(std::span<const char* const> arguments,
                                        std::span<const Flag> flags);
  struct Given {
    std::string name;
    std::string value;
  };
  std::vector<Given> given_;
};

// Parses a program's arguments, its own name excluded. BadRequest for an option that is unknown,
// given twice or without its value, and for anything that is no option; the message is for the
// person at the terminal.
inline Result<ParsedFlags> ParseFlags(std::span<const char* const> arguments,
                                      std::span<const Flag> flags) {
  const auto bad = [](std::string message) {
    return Status(StatusCode::kBadRequest, std::move(message));
  };
  ParsedFlags parsed;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (!argument.starts_with("--") || argument.size() == 2) {
      return bad("unexpected argument \"" + std::string(argument) + "\"");
    }
    const std::size_t equals = argument.find('=');
    const std::string_view name = argument.substr(2, equals == argument.npos ? equals : equals - 2);
    const Flag* known = nullptr;
    std::vector<std::string_view> names;
    for (const Flag& flag : flags) {
      if (flag.name == name) known = &flag;
      names.push_back(flag.name);
    }
    const std::string dashed = "--" + std::string(name);
    if (known == nullptr) {
      const std::string_view meant = ClosestMatch(name, names);
      return bad("unknown option " + dashed +
                 (meant.empty() ? "" : "; did you mean --" + std::string(meant) + "?"));
    }
    if (parsed.Has(name)) return bad(dashed + " is given twice");
    std::string_view value;
    if (equals != argument.npos) {
      if (known->value.empty()) return bad(dashed + " takes no value");
      value = argument.substr(equals + 1);
    } else if (!known->value.empty() && i + 1 < arguments.size()) {
      value = arguments[++i];
    }
    if (!known->value.empty() && value.empty()) {
      return bad(dashed + " needs a value: " + dashed + " " + std::string(known->value));
    }
    parsed.given_.push_back({std::string(name), std::string(value)});
  }
  return parsed;
}

// The options as lines of a help text, aligned.
inline std::string FlagsHelp(std::span<const Flag> flags) {
  const auto left = [](const Flag& flag) {
    return "  --" + std::string(flag.name) +
           (flag.value.empty() ? "" : " " + std::string(flag.value));
  };
  std::size_t width = 0;
  for (const Flag& flag : flags) width = std::max(width, left(flag).size());
  std::string text;
  for (const Flag& flag : flags) {
    std::string line = left(flag);
    line.resize(width + 2, ' ');
    text += line + std::string(flag.help) + "\n";
  }
  return text;
}

}  // namespace stockade
