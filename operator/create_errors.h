#pragma once

#include <string_view>

#include "base/status.h"
#include "operator/sandbox_status.h"

namespace stockade::sandbox_operator {

// What it means for the sandbox that the API server refused to create one of its objects, in words
// that say what would help; nothing for failures that are nobody's fault and are simply tried again
// (unreachable, throttled, conflicts). `what` is for people: "the pod".
[[nodiscard]] std::optional<Blocker> ExplainCreateError(const Status& error, std::string_view what);

}  // namespace stockade::sandbox_operator
