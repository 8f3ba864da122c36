#include "schema/schema_node.h"

#include <array>
#include <string_view>
#include <utility>

namespace stockade::schema {
namespace {

using codec::JsonView;

// libstdc++'s automaton without recursion: time and stack grow with the text alone, whatever the
// text is.
constexpr auto kRegexMode = std::regex::ECMAScript | std::regex_constants::__polynomial;

// What says nothing about which values are valid, or is said by another keyword as well.
constexpr std::array<std::string_view, 5> kDescriptive = {"description", "title", "example",
                                                          "x-kubernetes-map-type", "externalDocs"};

Status Unknown(const std::string& path, const std::string& what) {
  return {StatusCode::kBadRequest,
          "the schema of " + (path.empty() ? "the object" : path) + ": " + what};
}

// One node while it is read; the first error is kept.
class NodeReader {
 public:
  NodeReader(JsonView schema, const std::string& path) : schema_(schema), path_(path) {}

  Result<std::unique_ptr<SchemaNode>> Read() {
    if (!schema_.IsObject()) return Unknown(path_, "is no object");
    ReadType();
    schema_.ForEachMember([this](std::string_view key, JsonView value) { Member(key, value); });
    if (!error_.ok()) return error_;
    return std::move(node_);
  }

 private:
  void Fail(Status error) {
    if (error_.ok()) error_ = std::move(error);
  }

  void ReadType() {
    if (schema_["x-kubernetes-int-or-string"].IsTrue()) {
      node_->type = ValueType::kIntOrString;
      return;
    }
    constexpr std::array<std::pair<std::string_view, ValueType>, 6> kTypes = {
        {{"object", ValueType::kObject},
         {"array", ValueType::kArray},
         {"string", ValueType::kString},
         {"integer", ValueType::kInteger},
         {"number", ValueType::kNumber},
         {"boolean", ValueType::kBoolean}}};
    const std::string_view name = schema_["type"].StringOrEmpty();
    for (const auto& [known, type] : kTypes) {
      if (name == known) node_->type = type;
    }
    const bool any = name.empty() && schema_["x-kubernetes-preserve-unknown-fields"].IsTrue();
    if (node_->type == ValueType::kAny && !any) {
      Fail(Unknown(path_, "has no type that is known: \"" + std::string(name) + "\""));
    }
  }

  std::unique_ptr<SchemaNode> Child(JsonView schema, const std::string& path) {
    auto child = ParseSchemaNode(schema, path);
    if (child.ok()) return std::move(child).value();
    Fail(child.status());
    return nullptr;
  }

  void Member(std::string_view key, JsonView value) {
    if (key == "type" || key == "x-kubernetes-int-or-string") return;
    for (const std::string_view known : kDescriptive) {
      if (key == known) return;
    }
    // Only ever beside x-kubernetes-int-or-string, which says the same.
    if (key == "anyOf" && node_->type == ValueType::kIntOrString) return;
    if (Structure(key, value) || Constraint(key, value) || Extension(key, value)) return;
    Fail(Unknown(path_, "the keyword " + std::string(key) + " is not known here"));
  }

  bool Structure(std::string_view key, JsonView value) {
    if (key == "properties") {
      value.ForEachMember([this](std::string_view name, JsonView schema) {
        const std::string path =
            path_.empty() ? std::string(name) : path_ + "." + std::string(name);
        node_->properties.emplace(name, Child(schema, path));
      });
    } else if (key == "items") {
      node_->items = Child(value, path_ + "[]");
    } else if (key == "additionalProperties") {
      node_->additional_properties = Child(value, path_ + "[]");
    } else if (key == "required") {
      value.ForEachElement([this](std::size_t, JsonView name) {
        node_->required.emplace_back(name.StringOrEmpty());
      });
    } else if (key == "default") {
      node_->default_value = value.ToJson();
    } else {
      return false;
    }
    return true;
  }

  bool Constraint(std::string_view key, JsonView value) {
    const std::array<std::pair<std::string_view, std::optional<std::int64_t>*>, 8> numbers = {
        {{"minLength", &node_->length.minimum},
         {"maxLength", &node_->length.maximum},
         {"minItems", &node_->size.minimum},
         {"maxItems", &node_->size.maximum},
         {"minProperties", &node_->size.minimum},
         {"maxProperties", &node_->size.maximum},
         {"minimum", &node_->range.minimum},
         {"maximum", &node_->range.maximum}}};
    for (const auto& [name, place] : numbers) {
      if (key != name) continue;
      *place = value.AsInt();
      if (!*place) Fail(Unknown(path_, std::string(key) + " is no integer"));
      return true;
    }
    if (key == "enum") {
      value.ForEachElement([this](std::size_t, JsonView element) {
        if (!element.IsString()) Fail(Unknown(path_, "an enum lists more than strings"));
        node_->enumeration.emplace_back(element.StringOrEmpty());
      });
    } else if (key == "pattern") {
      Pattern(value.StringOrEmpty());
    } else if (key == "format") {
      node_->format = value.StringOrEmpty();
    } else if (key == "nullable") {
      node_->nullable = value.IsTrue();
    } else {
      return false;
    }
    return true;
  }

  void Pattern(std::string_view pattern) {
    node_->pattern = pattern;
    try {
      node_->expression.emplace(node_->pattern, kRegexMode);
    } catch (const std::regex_error& error) {
      Fail(Unknown(path_, "the pattern " + node_->pattern + " cannot be read: " + error.what()));
    }
  }

  bool Extension(std::string_view key, JsonView value) {
    if (key == "x-kubernetes-preserve-unknown-fields") {
      node_->preserves_unknown_fields = value.IsTrue();
    } else if (key == "x-kubernetes-list-type") {
      const std::string_view type = value.StringOrEmpty();
      node_->list_type = type == "map"   ? ListType::kMap
                         : type == "set" ? ListType::kSet
                                         : ListType::kAtomic;
    } else if (key == "x-kubernetes-list-map-keys") {
      value.ForEachElement([this](std::size_t, JsonView name) {
        node_->list_map_keys.emplace_back(name.StringOrEmpty());
      });
    } else if (key == "x-kubernetes-validations") {
      value.ForEachElement([this](std::size_t, JsonView rule) {
        const std::string_view text = rule["rule"].StringOrEmpty();
        node_->rules.push_back({FindRuleEquivalent(text), std::string(text),
                                std::string(rule["message"].StringOrEmpty()),
                                std::string(rule["fieldPath"].StringOrEmpty())});
      });
    } else {
      return false;
    }
    return true;
  }

  JsonView schema_;
  const std::string& path_;
  std::unique_ptr<SchemaNode> node_ = std::make_unique<SchemaNode>();
  Status error_;
};

}  // namespace

Result<std::unique_ptr<SchemaNode>> ParseSchemaNode(JsonView schema, const std::string& path) {
  return NodeReader(schema, path).Read();
}

}  // namespace stockade::schema
