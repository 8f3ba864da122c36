#pragma once

#include <optional>
#include <string>

#include "codec/json.h"

namespace stockade::cli {

// What of a live object the operator decides, so that it can be compared with what was rendered:
// fields that neither the rendered object nor the one that was rendered before have are the API
// server's or somebody else's. Elements of lists are matched by their name, path or port where they
// have one. Containers are kept whichever they are, since a pod with others is not what was
// rendered. Pure.
[[nodiscard]] codec::Json ProjectLive(const codec::Json& live, const codec::Json& rendered,
                                      const codec::Json& rendered_before);

// Puts what a ConfigMap's data hold as JSON text, such as the configuration of a proxy, in the
// place of the text, so that a difference is a line and not the whole. Other text stays.
void UnfoldJson(codec::Json& object);

// Takes away what is written anew with every change and tells people nothing: the operator's
// digests and owner references.
void DropBookkeeping(codec::Json& object);

}  // namespace stockade::cli
