#include "schema/resource_schemas.h"

#include <utility>

#include "codec/yaml.h"

namespace stockade::schema {

Result<std::vector<ResourceSchema>> ParseCrd(std::string_view yaml) {
  const auto document = codec::ParseYaml(yaml);
  if (!document.ok()) return document.status();
  const codec::JsonView spec = document->root()["spec"];
  if (document->root()["kind"].StringOrEmpty() != "CustomResourceDefinition") {
    return Status(StatusCode::kBadRequest, "this is no CustomResourceDefinition");
  }
  std::vector<ResourceSchema> schemas;
  Status error;
  spec["versions"].ForEachElement([&](std::size_t, codec::JsonView version) {
    if (!version["served"].IsTrue()) return;
    auto schema = StructuralSchema::Parse(version["schema"]["openAPIV3Schema"]);
    if (!schema.ok()) {
      error = schema.status();
      return;
    }
    schemas.push_back({.group = std::string(spec["group"].StringOrEmpty()),
                       .version = std::string(version["name"].StringOrEmpty()),
                       .kind = std::string(spec["names"]["kind"].StringOrEmpty()),
                       .list_kind = std::string(spec["names"]["listKind"].StringOrEmpty()),
                       .namespaced = spec["scope"].StringOrEmpty() == "Namespaced",
                       .schema = std::move(schema).value()});
  });
  if (!error.ok()) return error;
  return schemas;
}

const std::vector<ResourceSchema>& ResourceSchemas() {
  static const std::vector<ResourceSchema> all = [] {
    std::vector<ResourceSchema> schemas;
    for (const EmbeddedFile& file : EmbeddedCrds()) {
      auto parsed = ParseCrd(file.text);
      for (ResourceSchema& schema : parsed.value()) schemas.push_back(std::move(schema));
    }
    return schemas;
  }();
  return all;
}

}  // namespace stockade::schema
