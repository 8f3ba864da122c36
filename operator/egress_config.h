#pragma once

#include <chrono>
#include <string>

#include "codec/object_reader.h"
#include "pki/authority_rotation.h"
#include "render/egress_settings.h"

namespace stockade::sandbox_operator {

// The section `egress` of the operator's configuration. Without it the operator makes no gateways.
struct EgressConfig {
  bool enabled = false;  // as Profile::egress_gateways
  render::EgressSettings settings;
  // Of certificates of sandboxes, of gateways and of hosts; renewed after half of it.
  std::chrono::seconds certificate_lifetime = std::chrono::hours(24);
  pki::RotationPolicy identity = {.lifetime = std::chrono::hours(180 * 24),
                                  .overlap = std::chrono::hours(24)};
  // Agents read what they trust as they start: an authority is told to them long before it signs.
  pki::RotationPolicy interception = {.lifetime = std::chrono::hours(730 * 24),
                                      .overlap = std::chrono::hours(30 * 24)};
  // A file with the public authorities, for agents that see hosts' own certificates; its contents
  // are read when the operator starts. Empty: there are none.
  std::string public_roots_file;
  std::string public_roots;
};

// Reads the section; errors name every field that is unknown, missing or out of range.
void ReadEgress(codec::JsonView value, std::vector<codec::FieldError>& errors,
                EgressConfig& config);

}  // namespace stockade::sandbox_operator
