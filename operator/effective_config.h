#pragma once

#include "codec/json.h"
#include "operator/config.h"

namespace stockade::sandbox_operator {

// The configuration with everything that was not given: a file of it reads as the same
// configuration. Without a section egress where there is none.
[[nodiscard]] codec::Json EffectiveConfig(const OperatorConfig& config);

}  // namespace stockade::sandbox_operator
