#pragma once

#include "codec/json.h"
#include "schema/value_checker.h"

namespace stockade::schema {

// What the API server demands of metav1.ObjectMeta in a manifest of any kind: known fields of the
// right types, a name, and the grammars of labels and annotations. Which names a kind takes is its
// own schema's affair.
void CheckObjectMetadata(codec::JsonView metadata, ValueChecker& checker);

}  // namespace stockade::schema
