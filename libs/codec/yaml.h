#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "codec/json.h"
#include "codec/source_map.h"

namespace stockade::codec {

// YAML of people: manifests and configuration files, never what comes off the network.
//
// Read as kubectl reads it (sigs.k8s.io/yaml over go-yaml 2, the resolution of YAML 1.1): plain
// yes, no, on and off are booleans, 0644 and 0o644 are octal, 1_000 is a number, a timestamp stays
// a string, and keys such as 8080 or true become strings. Stricter than kubectl where it would
// guess: duplicate keys, keys that are null, floats, lists or maps, .inf and .nan, tags other than
// those of the YAML 1.2 core schema, and a merge key (<<) that is not the first of its map are
// errors.
//
// Limits, so that no text can exhaust memory or the stack: every alias counts as what it expands
// to, and an alias inside its own anchor is an error.
inline constexpr std::size_t kMaxYamlBytes = std::size_t{8} << 20;
inline constexpr std::size_t kMaxYamlDepth = 64;
inline constexpr std::size_t kMaxYamlNodes = 100'000;

// The one document of `text`; JSON is YAML. BadRequest says what is wrong, with line and column
// from 1, and also when there is no document or more than one. Safe to call from any thread.
Result<JsonDocument> ParseYaml(std::string_view text);

// Every document of `text` in order; those that are empty (a lone "---", comments) are left out,
// and the limits hold for all of them together. Errors as above.
Result<std::vector<JsonDocument>> ParseYamlDocuments(std::string_view text);

// A document, and where its values stand in the text.
struct LocatedDocument {
  JsonDocument document;
  SourceMap source;
};

// As ParseYamlDocuments, with the places of all values. `first_line` is the number of the text's
// first line, where it was cut out of a longer one; positions and errors count from there.
Result<std::vector<LocatedDocument>> ParseLocatedYaml(std::string_view text, int first_line = 1);

}  // namespace stockade::codec
