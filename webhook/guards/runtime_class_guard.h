#pragma once

#include "webhook/guards/guard_request.h"

namespace stockade::webhook {

// Judges UPDATE and DELETE of RuntimeClasses: one by which a sandbox is to run stays as it is, but
// for its metadata, whoever asks.
[[nodiscard]] GuardFindings JudgeRuntimeClass(const GuardRequest& request);

}  // namespace stockade::webhook
