#pragma once

#include <string>

#include "base/status.h"

namespace stockade::kube {

// The contents of a regular file of at most 1 MiB: certificates, keys, tokens, kubeconfigs.
// BadRequest names the file and the reason; never blocks on a pipe or device.
Result<std::string> ReadSmallFile(const std::string& path);

}  // namespace stockade::kube
