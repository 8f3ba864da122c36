// stockade: judges, renders and explains AgentSandboxes at a terminal and in pipelines. Called as
// kubectl-stockade it is a plugin of kubectl.
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

#include "cli/command.h"

namespace {

constexpr std::size_t kMaxStdinBytes = std::size_t{64} << 20U;

stockade::Result<std::string> ReadStdin() {
  std::string text;
  std::array<char, 65536> block{};
  for (;;) {
    const std::size_t count = std::fread(block.data(), 1, block.size(), stdin);
    text.append(block.data(), count);
    if (text.size() > kMaxStdinBytes) {
      return stockade::Status(stockade::StatusCode::kBadRequest, "larger than 64 MiB");
    }
    if (count < block.size()) break;
  }
  if (std::ferror(stdin) != 0) {
    return stockade::Status(stockade::StatusCode::kBadRequest, "cannot be read");
  }
  return text;
}

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool Write(std::FILE* stream, const std::string& text) {
  return std::fwrite(text.data(), 1, text.size(), stream) == text.size() &&
         std::fflush(stream) == 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::span<const char* const> arguments(argv, static_cast<std::size_t>(argc));
  const std::string_view called = arguments.empty() ? "" : arguments.front();
  stockade::cli::Environment environment;
  if (called.substr(called.rfind('/') + 1) == "kubectl-stockade") {
    environment.program = "kubectl stockade";
  }
  environment.terminal = ::isatty(STDOUT_FILENO) == 1;
  environment.colour =
      environment.terminal && Variable("NO_COLOR").empty() && Variable("TERM") != "dumb";
  environment.home = Variable("HOME");
  environment.read_stdin = ReadStdin;
  environment.show = [](std::string_view text) { Write(stdout, std::string(text)); };

  stockade::cli::Console console;
  const int code = stockade::cli::RunCommandLine(arguments.subspan(arguments.empty() ? 0 : 1),
                                                 environment, console);
  // Findings before the summary of them, where both go to one place.
  const bool written = Write(stdout, console.out);
  const bool told = Write(stderr, console.err);
  // A report that is cut off must not look like one without findings.
  return written && told ? code : stockade::cli::kExitError;
}
