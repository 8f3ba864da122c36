#pragma once

#include "codec/json.h"

namespace stockade::property {

// What an author writes into a field, by "owner.name" or "name": the owner is the field above it,
// and of an element of a list the list. A field that is not here, and is none that is walked into,
// appears in sandboxes of a bad temper alone.
const codec::Json& TameValues();

// Objects and lists that are walked into: by "owner.name" or "name".
const codec::Json& WalkedFields();

// Objects of which exactly one member is set, beside those that are named: by owner.
const codec::Json& Unions();

// Values that have opened doors before, whatever field they stand in.
const codec::Json& NastyStrings();
const codec::Json& NastyIntegers();
const codec::Json& NastyKeys();

}  // namespace stockade::property
