#include "api/watch_namespaces.h"

#include <algorithm>

#include "base/strings.h"

namespace stockade::api {

void ReadWatchNamespaces(codec::ObjectReader& reader, std::string_view key,
                         std::vector<std::string>& out) {
  reader.StringList(key, out);
  for (auto name = out.begin(); name != out.end(); ++name) {
    const std::string at =
        std::string(key) + "[" + std::to_string(std::distance(out.begin(), name)) + "]";
    if (!IsDnsLabel(*name)) reader.AddError(at, "must be the name of a namespace");
    if (std::find(out.begin(), name, *name) != name) {
      reader.AddError(at, "\"" + *name + "\" stands in the list already");
    }
  }
}

bool IsWatched(std::span<const std::string> watched, std::string_view name) {
  return watched.empty() || std::ranges::find(watched, name) != watched.end();
}

}  // namespace stockade::api
