#pragma once

#include <string>

#include "codec/json.h"

namespace stockade::webhook {

// An AgentSandbox that no rule has anything to say about.
[[nodiscard]] codec::Json GoodSandbox();

// The AdmissionReview that a kube-apiserver sends for `operation` ("CREATE", "UPDATE"...) on the
// AgentSandbox `object`; `old_object` may be null.
[[nodiscard]] codec::Json ReviewOf(const std::string& operation, const codec::Json& object,
                                   const codec::Json& old_object = nullptr);

}  // namespace stockade::webhook
