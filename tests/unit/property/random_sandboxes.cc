#include <charconv>
#include <fstream>
#include <iostream>
#include <sstream>

#include "tests/source_dir.h"
#include "tests/unit/property/judgement.h"
#include "tests/unit/property/sandbox_generator.h"

// Prints random sandboxes with what the libraries make of them, for tests that ask a real API
// server and the programs about the same ones:
//   random-sandboxes SEED COUNT
// One JSON object on each line: {"sandbox": ..., "errors": [[CODE, FIELD], ...], "pod": ...}, where
// the pod is null unless the sandbox has no errors.
int main(int argc, char** argv) {
  using stockade::codec::Json;
  std::uint64_t numbers[2] = {};
  if (argc != 3) {
    std::cerr << "usage: random-sandboxes SEED COUNT\n";
    return 2;
  }
  for (int i = 0; i < 2; ++i) {
    const std::string_view text = argv[i + 1];
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), numbers[i]);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
      std::cerr << text << " is no number\n";
      return 2;
    }
  }
  std::ifstream file(STOCKADE_SOURCE_DIR "/crds/stockade.dev_agentsandboxes.yaml");
  std::stringstream crd;
  crd << file.rdbuf();
  stockade::property::SandboxGenerator generator(stockade::property::SpecSchemaOf(crd.str()),
                                                 numbers[0]);
  for (std::uint64_t i = 0; i < numbers[1]; ++i) {
    const Json sandbox = generator.Next();
    const auto judgement = stockade::property::Judge(sandbox);
    std::cout
        << Json{{"sandbox", sandbox}, {"errors", judgement.errors}, {"pod", judgement.pod}}.dump()
        << "\n";
  }
  return 0;
}
