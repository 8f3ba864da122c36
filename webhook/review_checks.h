#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "codec/object_reader.h"
#include "webhook/admission_review.h"

// What the handlers of our own kinds look at before they judge. Pure.
namespace stockade::webhook {

// The kind that a handler judges.
struct JudgedKind {
  std::string_view kind;      // "AgentSandbox"
  std::string_view plural;    // of people: "AgentSandboxes"
  std::string_view resource;  // "agentsandboxes"
};

// What is wrong with the registration that sent `request` to the handler of that kind: another
// kind, version or subresource, or neither CREATE nor UPDATE; empty when nothing is. A registration
// that is wrong must not look like one that works.
[[nodiscard]] std::string Misdirected(const AdmissionRequest& request, const JudgedKind& judged);

// True for an update of an object that is being deleted, with its spec exactly as it was: it passes
// whatever the spec is, so that a finalizer can always be removed.
[[nodiscard]] bool OnlyLetsGo(const AdmissionRequest& request);

// A denial that names every field.
[[nodiscard]] AdmissionResponse RefuseFields(const AdmissionRequest& request, std::string_view why,
                                             std::vector<codec::FieldError> errors);

}  // namespace stockade::webhook
