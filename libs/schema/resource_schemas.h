#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "schema/structural_schema.h"

namespace stockade::schema {

// The CustomResourceDefinitions of crds/, which are built into the program: it judges by the schema
// that this version installs.
struct EmbeddedFile {
  std::string_view name;  // "stockade.dev_agentsandboxes.yaml"
  std::string_view text;
};
[[nodiscard]] std::span<const EmbeddedFile> EmbeddedCrds();

// One served version of one resource.
struct ResourceSchema {
  std::string group;    // "stockade.dev"
  std::string version;  // "v1alpha1"
  std::string kind;     // "AgentSandbox"
  std::string list_kind;
  bool namespaced = true;
  StructuralSchema schema;

  [[nodiscard]] std::string api_version() const { return group + "/" + version; }
};

// From the text of a CRD. BadRequest when it is none, or when its schema says more than this
// program understands.
Result<std::vector<ResourceSchema>> ParseCrd(std::string_view yaml);

// Those of EmbeddedCrds(), read on the first call; safe to call from any thread. Terminates when
// one cannot be read, which the tests of this library rule out.
[[nodiscard]] const std::vector<ResourceSchema>& ResourceSchemas();

}  // namespace stockade::schema
