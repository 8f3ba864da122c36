#pragma once

#include <string_view>
#include <vector>

#include "api/egress.h"
#include "render/egress_profile.h"

namespace stockade::render {

// spec.egress and spec.credentials of a sandbox.
struct EgressSections {
  api::Egress egress;
  std::vector<api::Credential> credentials;
};

// Of the sandbox in this manifest; a test fails when it has no valid sections.
EgressSections SectionsIn(std::string_view yaml);
// The profile of a spec.egress and, after it, of spec.credentials, both as YAML.
EgressProfile ProfileOf(std::string_view egress_yaml, std::string_view credentials_yaml = "[]");

}  // namespace stockade::render
