// YAML of people. What is read must come out as JSON that reads as the same again, since JSON is
// YAML.
#include <string>

#include "codec/json.h"
#include "codec/yaml.h"
#include "fuzzing.h"

namespace codec = stockade::codec;
using stockade::fuzz::Require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = stockade::fuzz::TextOf(data, size);
  const auto documents = codec::ParseYamlDocuments(text);
  const auto single = codec::ParseYaml(text);
  Require(single.ok() == (documents.ok() && documents->size() == 1),
          "one document is read by both functions");
  if (!documents.ok()) {
    Require(!documents.status().message().empty(), "an error says what is wrong");
    return 0;
  }
  for (const codec::JsonDocument& document : *documents) {
    const std::string dump = document.root().Dump();
    Require(!codec::FindDuplicateKey(document.root()), "no key stands twice", dump);
    if (!document.root().IsObject()) continue;
    const auto again = codec::ParseYaml(dump);
    Require(again.ok(), "what was read is YAML again", dump + "\n" + again.status().ToString());
    Require(again->root().Dump() == dump, "what was read reads as the same", dump);
  }
  return 0;
}
