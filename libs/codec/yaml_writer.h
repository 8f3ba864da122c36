#pragma once

#include <string>

#include "codec/json.h"

namespace stockade::codec {

// A value as YAML in block style, as people read manifests: the keys of objects sorted, strings
// without quotation marks where no reader of YAML 1.1 or 1.2 takes them for something else. Ends in
// a line break. What ParseYaml reads from it is the same value. Pure.
[[nodiscard]] std::string ToYaml(const Json& value);

}  // namespace stockade::codec
