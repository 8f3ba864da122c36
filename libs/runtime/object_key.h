#pragma once

#include <compare>
#include <string>

namespace stockade::runtime {

// What names an object of a kind: namespace (empty for cluster-scoped kinds) and name.
struct ObjectKey {
  std::string namespace_name;
  std::string name;

  friend bool operator==(const ObjectKey&, const ObjectKey&) = default;
  friend auto operator<=>(const ObjectKey&, const ObjectKey&) = default;

  // "namespace/name", or the name alone.
  [[nodiscard]] std::string ToString() const {
    return namespace_name.empty() ? name : namespace_name + "/" + name;
  }
};

}  // namespace stockade::runtime
