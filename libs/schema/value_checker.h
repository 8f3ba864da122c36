#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "codec/json.h"
#include "policy/rule.h"
#include "schema/schema_node.h"

namespace stockade::schema {

// Compares values with schemas and collects what does not fit. For one object, on one thread.
class ValueChecker {
 public:
  explicit ValueChecker(std::size_t max_findings) : max_findings_(max_findings) {}

  // Judges `value`, which stands at `path`, and all inside it.
  void Check(codec::JsonView value, const SchemaNode& schema, const std::string& path);

  void Add(std::string_view code, std::string field, std::string message);

  [[nodiscard]] std::vector<policy::Finding> Take();

 private:
  void CheckObject(codec::JsonView value, const SchemaNode& schema, const std::string& path);
  void CheckUnknown(std::string_view key, const SchemaNode& schema, const std::string& path);
  void CheckList(codec::JsonView value, const SchemaNode& schema, const std::string& path);
  void CheckDuplicates(codec::JsonView value, const SchemaNode& schema, const std::string& path);
  void CheckSize(std::size_t size, const SchemaNode& schema, const std::string& path,
                 std::string_view unit);
  void CheckString(std::string_view value, const SchemaNode& schema, const std::string& path);
  void CheckInteger(codec::JsonView value, const SchemaNode& schema, const std::string& path);
  void CheckRules(codec::JsonView value, const SchemaNode& schema, const std::string& path);

  const std::size_t max_findings_;
  std::size_t dropped_ = 0;
  std::vector<policy::Finding> findings_;
};

// "path.key", or "path[key]" where the key is no plain name.
[[nodiscard]] std::string MemberPath(const std::string& path, std::string_view key);

}  // namespace stockade::schema
