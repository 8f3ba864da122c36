#pragma once

#include <optional>
#include <string>

#include "api/agent_sandbox.h"
#include "codec/json.h"
#include "operator/cached_objects.h"

namespace stockade::sandbox_operator {

// Notes on the pod its fingerprint, and which label and annotation keys came from the template, so
// that a key taken out of the template can be taken off the pod without touching what others put
// there. Returns the fingerprint.
std::string AnnotateRenderedPod(codec::Json& pod, const api::PodTemplate& pod_template);

// The merge patch that gives a live pod the labels and annotations of the rendered one; nothing
// when it has them. The operator's digests are left alone: they tell how the live pod was rendered,
// not how it would be now. Keys that neither the rendered pod nor the earlier template names are
// kept.
[[nodiscard]] std::optional<codec::Json> MetadataPatch(const CachedPod& live,
                                                       const codec::Json& rendered);

}  // namespace stockade::sandbox_operator
