#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "codec/object_reader.h"

// The namespaces that Stockade looks after, where it does not have the rights to look after all:
// "watchNamespaces" of both configuration files.
namespace stockade::api {

// Reads a list of names of namespaces; an error for what can be none, and for one that stands
// twice.
void ReadWatchNamespaces(codec::ObjectReader& reader, std::string_view key,
                         std::vector<std::string>& out);

// Whether that namespace is among them; without a list every one is.
[[nodiscard]] bool IsWatched(std::span<const std::string> watched, std::string_view name);

}  // namespace stockade::api
