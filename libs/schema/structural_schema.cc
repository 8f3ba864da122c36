#include "schema/structural_schema.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "schema/object_metadata.h"
#include "schema/schema_node.h"
#include "schema/schema_rules.h"
#include "schema/value_checker.h"

namespace stockade::schema {
namespace {

using codec::JsonView;

template <typename Visit>
void VisitRules(const SchemaNode& node, Visit visit) {
  for (const ValidationRule& rule : node.rules) visit(rule);
  for (const auto& [name, property] : node.properties) VisitRules(*property, visit);
  if (node.additional_properties) VisitRules(*node.additional_properties, visit);
  if (node.items) VisitRules(*node.items, visit);
}

}  // namespace

StructuralSchema::StructuralSchema(std::unique_ptr<const SchemaNode> root,
                                   std::unique_ptr<const SchemaNode> status)
    : root_(std::move(root)), status_(std::move(status)) {}
StructuralSchema::StructuralSchema(StructuralSchema&&) noexcept = default;
StructuralSchema& StructuralSchema::operator=(StructuralSchema&&) noexcept = default;
StructuralSchema::~StructuralSchema() = default;

Result<StructuralSchema> StructuralSchema::Parse(JsonView schema) {
  auto root = ParseSchemaNode(schema, "");
  if (!root.ok()) return root.status();
  if ((*root)->type != ValueType::kObject) {
    return Status(StatusCode::kBadRequest, "the schema of a resource must be that of an object");
  }
  // The API server knows these of every resource, whatever its schema says of them.
  for (const std::string_view key : {"apiVersion", "kind"}) {
    auto text = std::make_unique<SchemaNode>();
    text->type = ValueType::kString;
    (*root)->properties.insert_or_assign(std::string(key), std::move(text));
    if (std::ranges::find((*root)->required, key) == (*root)->required.end()) {
      (*root)->required.emplace_back(key);
    }
  }
  std::unique_ptr<SchemaNode> status;
  if (const auto found = (*root)->properties.find("status"); found != (*root)->properties.end()) {
    status = std::move(found->second);
  }
  for (const std::string_view key : {"metadata", "status"}) {
    auto anything = std::make_unique<SchemaNode>();
    anything->preserves_unknown_fields = true;
    (*root)->properties.insert_or_assign(std::string(key), std::move(anything));
  }
  return StructuralSchema(std::move(root).value(), std::move(status));
}

std::vector<policy::Finding> StructuralSchema::Validate(JsonView object) const {
  ValueChecker checker(kMaxFindings);
  CheckObjectMetadata(object["metadata"], checker);
  checker.Check(object, *root_, "");
  std::vector<policy::Finding> findings = checker.Take();
  if (status_ != nullptr && object["status"].IsObject()) {
    ValueChecker of_status(kMaxFindings);
    of_status.Check(object["status"], *status_, "status");
    for (policy::Finding& finding : of_status.Take()) {
      if (finding.code == kUnknownField) findings.push_back(std::move(finding));
    }
  }
  return findings;
}

std::vector<std::string> StructuralSchema::UnknownRules() const {
  std::vector<std::string> unknown;
  VisitRules(*root_, [&unknown](const ValidationRule& rule) {
    if (rule.equivalent == nullptr) unknown.push_back(rule.rule);
  });
  return unknown;
}

std::vector<std::string> StructuralSchema::AllRules() const {
  std::set<std::string> rules;
  VisitRules(*root_, [&rules](const ValidationRule& rule) { rules.insert(rule.rule); });
  return {rules.begin(), rules.end()};
}

}  // namespace stockade::schema
