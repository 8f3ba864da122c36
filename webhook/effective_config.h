#pragma once

#include "codec/json.h"
#include "webhook/config.h"

namespace stockade::webhook {

// The configuration with everything that was not given: a file of it reads as the same
// configuration.
[[nodiscard]] codec::Json EffectiveConfig(const Config& config);

}  // namespace stockade::webhook
