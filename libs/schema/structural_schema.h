#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "codec/json.h"
#include "policy/rule.h"

namespace stockade::schema {

struct SchemaNode;

// The OpenAPI v3 schema of a CustomResourceDefinition, and the judgement that the API server gives
// by it with strict field validation: unknown fields, required ones, types, enumerations, patterns,
// ranges, sizes, duplicates, and the CEL rules of which there is an equivalent. A null member
// counts as unset, as on the API server. Immutable, and safe to share between threads.
class StructuralSchema {
 public:
  // No object has more findings than this, and one that says that there are more; nor has a status.
  static constexpr std::size_t kMaxFindings = 500;

  // From the JSON of openAPIV3Schema. BadRequest names the keyword that is not known.
  static Result<StructuralSchema> Parse(codec::JsonView schema);

  StructuralSchema(StructuralSchema&&) noexcept;
  StructuralSchema& operator=(StructuralSchema&&) noexcept;
  ~StructuralSchema();

  // Everything wrong with a whole object, in the order of its members; codes are those of
  // SchemaRules(). Its metadata is judged as any Kubernetes object's. Of its status only the names
  // of fields are, which come last: the API server takes none from a manifest, but looks for
  // unknown fields before it drops it.
  [[nodiscard]] std::vector<policy::Finding> Validate(codec::JsonView object) const;

  // The CEL rules that have no equivalent and are not judged.
  [[nodiscard]] std::vector<std::string> UnknownRules() const;
  // Every CEL rule of the schema, each once.
  [[nodiscard]] std::vector<std::string> AllRules() const;

 private:
  StructuralSchema(std::unique_ptr<const SchemaNode> root,
                   std::unique_ptr<const SchemaNode> status);

  std::unique_ptr<const SchemaNode> root_;
  std::unique_ptr<const SchemaNode> status_;  // null where there is none
};

}  // namespace stockade::schema
