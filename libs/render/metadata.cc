#include "render/metadata.h"

#include <utility>

#include "api/names.h"

namespace stockade::render {

codec::Json OwnedObject(const api::AgentSandbox& sandbox, std::string_view api_version,
                        std::string_view kind, std::string name, api::StringMap labels,
                        const api::StringMap& annotations) {
  labels.insert_or_assign(std::string(api::kManagedByLabel), std::string(api::kManagedByValue));
  labels.insert_or_assign(std::string(api::kSandboxLabel), sandbox.metadata.name);
  codec::Json object = {
      {"apiVersion", api_version},
      {"kind", kind},
      {"metadata",
       {{"name", std::move(name)},
        {"namespace", sandbox.metadata.namespace_name},
        {"labels", std::move(labels)},
        {"ownerReferences", codec::Json::array({{{"apiVersion", api::kGroupVersion},
                                                 {"kind", api::kAgentSandboxKind},
                                                 {"name", sandbox.metadata.name},
                                                 {"uid", sandbox.metadata.uid},
                                                 {"controller", true},
                                                 {"blockOwnerDeletion", true}}})}}}};
  if (!annotations.empty()) object["metadata"]["annotations"] = annotations;
  return object;
}

}  // namespace stockade::render
