// Manifests of people, the whole way of `stockade convert`: read, converted, repaired, written and
// judged. Whatever is read, what is told to be clean passes lint, nothing of agent-sandbox is left
// in the output, and a second conversion changes nothing.
#include <string>

#include "cli/conversion.h"
#include "cli/lint.h"
#include "codec/json.h"
#include "fuzzing.h"

namespace cli = stockade::cli;
namespace codec = stockade::codec;
using stockade::fuzz::Require;

namespace {

cli::Input InputOf(std::string_view text) {
  cli::Input input;
  cli::ReadText("input.yaml", text, input);
  return input;
}

bool IsForeign(std::string_view api_version) {
  const std::string_view group = api_version.substr(0, api_version.find('/'));
  return group == "agents.x-k8s.io" || group == "extensions.agents.x-k8s.io";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const cli::Input input = InputOf(stockade::fuzz::TextOf(data, size));
  const cli::Conversion conversion = cli::Convert(input, {});
  const std::string text = cli::YamlOf(conversion.outputs);
  const cli::Input output = InputOf(text);
  // Aliases count as what they expand to, so a text that is read can give one that is too large.
  if (!output.problems.empty()) {
    Require(!conversion.problems.empty(), "what cannot be read again is told", text);
    return 0;
  }
  Require(output.objects.size() == conversion.outputs.size(), "nothing is lost", text);
  for (const cli::InputObject& object : output.objects) {
    Require(!IsForeign(object.api_version()), "nothing of agent-sandbox is left", text);
  }
  const std::size_t errors = cli::Lint(output, {}).Count(cli::Level::kError);
  Require(conversion.HasErrors() || errors == 0, "what is told to be clean is clean", text);
  Require(cli::Convert(output, {}).outputs == conversion.outputs, "a second time changes nothing",
          text);
  const std::string report = cli::TextReport(conversion) + cli::Summary(conversion);
  for (const char c : report) {
    const auto byte = static_cast<unsigned char>(c);
    Require(c == '\n' || (byte >= 0x20 && byte != 0x7F), "nothing controls the terminal", report);
  }
  const auto json = codec::JsonDocument::Parse(cli::JsonReport(conversion, {}));
  Require(json.ok(), "the JSON report is JSON", json.status().ToString());
  return 0;
}
