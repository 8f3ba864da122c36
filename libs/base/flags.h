#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace stockade {

// One option of a program, written "--name VALUE" or "--name=VALUE", or "--name" alone when it
// takes no value. With a letter also "-n VALUE", "-nVALUE", or "-n".
struct Flag {
  std::string_view name;   // without the dashes
  std::string_view value;  // what the help calls its value, for example "FILE"; empty: takes none
  std::string_view help;   // one line
  char letter = 0;         // of its short form; 0 for none
  bool repeated = false;   // may be given several times
};

// What a command line says. A plain value.
class ParsedFlags {
 public:
  // The value of the option that was given, the first when there are several, or empty.
  [[nodiscard]] std::string_view Value(std::string_view name) const;
  // Every value of the option, in the order given.
  [[nodiscard]] std::vector<std::string> Values(std::string_view name) const;
  [[nodiscard]] bool Has(std::string_view name) const;
  // What is no option.
  [[nodiscard]] const std::vector<std::string>& arguments() const { return arguments_; }

 private:
  friend Result<ParsedFlags> ParseCommandLine(std::span<const char* const> arguments,
                                              std::span<const Flag> flags);
  struct Given {
    std::string name;
    std::string value;
  };
  std::vector<Given> given_;
  std::vector<std::string> arguments_;
};

// Parses a program's arguments, its own name excluded: options, and between them arguments of which
// "-" is one; after "--" everything is. BadRequest for an option that is unknown, given twice or
// without its value; the message is for the person at the terminal.
Result<ParsedFlags> ParseCommandLine(std::span<const char* const> arguments,
                                     std::span<const Flag> flags);

// The same for programs that take options alone: BadRequest for anything that is none.
Result<ParsedFlags> ParseFlags(std::span<const char* const> arguments, std::span<const Flag> flags);

// The options as lines of a help text, aligned.
std::string FlagsHelp(std::span<const Flag> flags);

}  // namespace stockade
