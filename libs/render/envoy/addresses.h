#pragma once

#include <string>
#include <vector>

#include "codec/json.h"

// Which addresses a host may resolve to. They are judged after resolution, for each connection that
// is opened, so that a name server that answers differently the next time gains nothing.
namespace stockade::render::envoy {

// The HTTP filters of an upstream cluster: the judgement, then the codec. `private_ranges` are
// exceptions from what is private and from `cluster_ranges`, never from what no host can be at:
// this machine, its link (and with it metadata services), and addresses that embed another.
[[nodiscard]] codec::Json AddressFilters(const std::vector<std::string>& cluster_ranges,
                                         const std::vector<std::string>& private_ranges);

}  // namespace stockade::render::envoy
