#pragma once

#include <string>
#include <string_view>

namespace stockade::kube {

// Percent-encodes everything but RFC 3986's unreserved characters: for one path segment or one
// value of a query.
[[nodiscard]] std::string PercentEncode(std::string_view text);

// Builds "?a=1&b=2"; parameters with an empty value are left out.
class Query {
 public:
  Query& Add(std::string_view name, std::string_view value);
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace stockade::kube
