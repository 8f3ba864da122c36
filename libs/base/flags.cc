#include "base/flags.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "base/strings.h"

namespace stockade {
namespace {

Status Bad(std::string message) { return {StatusCode::kBadRequest, std::move(message)}; }

// An option as it was written.
struct Written {
  const Flag* flag = nullptr;
  std::string dashed;                     // as the person wrote it: "--config" or "-c"
  std::optional<std::string_view> value;  // what stood in the same argument
};

Result<Written> ReadLong(std::string_view argument, std::span<const Flag> flags) {
  const std::size_t equals = argument.find('=');
  const std::string_view name = argument.substr(2, equals == argument.npos ? equals : equals - 2);
  Written written;
  written.dashed = "--" + std::string(name);
  std::vector<std::string_view> names;
  for (const Flag& flag : flags) {
    if (flag.name == name) written.flag = &flag;
    names.push_back(flag.name);
  }
  if (written.flag == nullptr) {
    const std::string_view meant = ClosestMatch(name, names);
    return Bad("unknown option " + written.dashed +
               (meant.empty() ? "" : "; did you mean --" + std::string(meant) + "?"));
  }
  if (equals != argument.npos) written.value = argument.substr(equals + 1);
  return written;
}

Result<Written> ReadShort(std::string_view argument, std::span<const Flag> flags) {
  Written written;
  written.dashed = std::string(argument.substr(0, 2));
  for (const Flag& flag : flags) {
    if (flag.letter != 0 && flag.letter == argument[1]) written.flag = &flag;
  }
  if (written.flag == nullptr) return Bad("unknown option " + written.dashed);
  argument.remove_prefix(2);
  if (!argument.empty()) written.value = argument.starts_with('=') ? argument.substr(1) : argument;
  return written;
}

bool AnyHasLetter(std::span<const Flag> flags) {
  return std::ranges::any_of(flags, [](const Flag& flag) { return flag.letter != 0; });
}

}  // namespace

std::string_view ParsedFlags::Value(std::string_view name) const {
  for (const Given& given : given_) {
    if (given.name == name) return given.value;
  }
  return {};
}

std::vector<std::string> ParsedFlags::Values(std::string_view name) const {
  std::vector<std::string> values;
  for (const Given& given : given_) {
    if (given.name == name) values.push_back(given.value);
  }
  return values;
}

bool ParsedFlags::Has(std::string_view name) const {
  return std::ranges::any_of(given_, [name](const Given& given) { return given.name == name; });
}

Result<ParsedFlags> ParseCommandLine(std::span<const char* const> arguments,
                                     std::span<const Flag> flags) {
  ParsedFlags parsed;
  bool options_end = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    const bool is_long = argument.starts_with("--");
    const bool is_short = !is_long && argument.size() > 1 && argument.front() == '-';
    if (options_end || (!is_long && !is_short)) {
      parsed.arguments_.emplace_back(argument);
      continue;
    }
    if (argument == "--") {
      options_end = true;
      continue;
    }
    auto written = is_long ? ReadLong(argument, flags) : ReadShort(argument, flags);
    if (!written.ok()) return written.status();
    const Flag& flag = *written->flag;
    if (parsed.Has(flag.name) && !flag.repeated) return Bad(written->dashed + " is given twice");
    if (flag.value.empty()) {
      if (written->value) return Bad(written->dashed + " takes no value");
    } else {
      if (!written->value && i + 1 < arguments.size()) written->value = arguments[++i];
      if (written->value.value_or("").empty()) {
        return Bad(written->dashed + " needs a value: " + written->dashed + " " +
                   std::string(flag.value));
      }
    }
    parsed.given_.push_back({std::string(flag.name), std::string(written->value.value_or(""))});
  }
  return parsed;
}

Result<ParsedFlags> ParseFlags(std::span<const char* const> arguments,
                               std::span<const Flag> flags) {
  // What such a program does not know is told as a stray argument, "--" and "-x" among them.
  bool is_value = false;
  for (const char* const text : arguments) {
    const std::string_view argument = text;
    if (std::exchange(is_value, false)) continue;
    const bool is_option =
        argument.starts_with("--")
            ? argument.size() > 2
            : argument.starts_with('-') && argument.size() > 1 && AnyHasLetter(flags);
    if (!is_option) return Bad("unexpected argument \"" + std::string(argument) + "\"");
    const auto written =
        argument.starts_with("--") ? ReadLong(argument, flags) : ReadShort(argument, flags);
    if (!written.ok()) return written.status();
    is_value = !written->flag->value.empty() && !written->value;
  }
  return ParseCommandLine(arguments, flags);
}

std::string FlagsHelp(std::span<const Flag> flags) {
  const bool letters = AnyHasLetter(flags);
  const auto left = [letters](const Flag& flag) {
    std::string text = "  ";
    if (letters) text += flag.letter != 0 ? "-" + std::string(1, flag.letter) + ", " : "    ";
    return text + "--" + std::string(flag.name) +
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
