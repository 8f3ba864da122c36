#pragma once

#include <string>

#include "operator/authority_keeper.h"
#include "operator/cached_objects.h"

// What an agent trusts of what its gateway shows to it. The file with the authorities follows by
// itself: the kubelet brings a changed ConfigMap into pods that run. But most programs read such a
// file once, as they start, so a process knows the authorities that there were then. Pure.
namespace stockade::sandbox_operator {

// For a pod that is about to be created (kTrustedAnnotation): the authorities that its agent finds.
[[nodiscard]] std::string TrustNote(const Authorities& authorities);

// What the processes in the pod of an agent do not know of the authorities by which gateways show
// certificates, now or soon: what is wrong, until when, and what to do. Empty when they know all.
// A container that began again long enough after an authority was told of counts as knowing it.
[[nodiscard]] std::string DescribeDistrust(const CachedPod& pod, const Authorities& authorities);

}  // namespace stockade::sandbox_operator
