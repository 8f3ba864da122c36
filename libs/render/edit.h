#pragma once

#include <string>
#include <string_view>

#include "api/quantity.h"
#include "codec/json.h"

// The few edits of JSON of which rendering consists.
namespace stockade::render {

// Gives `object` a member that it does not have.
void SetDefault(codec::Json& object, const char* key, codec::Json value);
// The same for a field whose zero value, "" or 0, is how the API server says unset: those that are
// no pointers in its Go types.
void SetDefaultForZero(codec::Json& object, const char* key, codec::Json value);

// The member, or null when `value` is no object or has none; never creates one.
[[nodiscard]] const codec::Json& Member(const codec::Json& value, const char* key);
// The member when it is an object; null otherwise.
[[nodiscard]] codec::Json* MutableObject(codec::Json& value, const char* key);
// The member when it is an array; null otherwise.
[[nodiscard]] codec::Json* MutableArray(codec::Json& value, const char* key);

// The member as a string, or "".
[[nodiscard]] std::string_view StringMember(const codec::Json& value, const char* key);

// The member of an object, created as an empty object when it is none.
[[nodiscard]] codec::Json& ObjectMember(codec::Json& object, const char* key);

// Takes out every member that is null, at any depth, as the API server does on reading.
void DropNulls(codec::Json& value);

// A JSON string or number as a quantity; BadRequest for everything else.
[[nodiscard]] Result<api::Quantity> ReadQuantity(const codec::Json& value);
// A quantity as the API server writes it; what is no quantity stays as it is.
void CanonicalizeQuantity(codec::Json& value);
// The same for each entry of a corev1.ResourceList, whose values the API server also rounds up to
// whole milli units.
void CanonicalizeResourceList(codec::Json& list);

}  // namespace stockade::render
