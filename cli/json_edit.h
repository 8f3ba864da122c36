#pragma once

#include <string>
#include <string_view>

#include "codec/json.h"

// Edits of a document by the paths in which findings name its fields.
namespace stockade::cli {

// The value at a path such as "spec.podTemplate.spec.containers[0].env[2].name" or
// "metadata.labels[example.com/team]", or null when there is none. Keys in brackets are read as
// policy::KeyedPath writes them.
[[nodiscard]] const codec::Json* FindField(const codec::Json& root, std::string_view path);
[[nodiscard]] codec::Json* FindField(codec::Json& root, std::string_view path);

// Marks a value as removed. It keeps its place, so that paths to its neighbours stay right, until
// Sweep takes it out. Between the two the document must not be written out.
void MarkRemoved(codec::Json& value);
[[nodiscard]] bool IsMarkedRemoved(const codec::Json& value);

// Takes out what is marked, and every list and object that is empty because of it. Returns whether
// `value` itself is now one of those.
bool Sweep(codec::Json& value);

// A value for people: a string quoted, cut and escaped, anything else as JSON in ASCII, cut;
// "unset" for null.
[[nodiscard]] std::string ShownValue(const codec::Json& value);

}  // namespace stockade::cli
