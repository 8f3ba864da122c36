#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace stockade::credentials {

// Puts a whole file in place by renaming, which is what Envoy watches directories for; nobody ever
// reads a part of it. Only this user may read it. kInternal says what could not be done.
Status ReplaceFile(const std::string& file, std::string_view contents);

// The directory of a file, and those above it that are missing. Only this user may enter them.
Status MakeDirectoryOf(const std::string& file);

// A container's message for the operator, which the kubelet takes from that file and shows in the
// pod's status. The kubelet makes the file: where it is not there, none is made.
inline constexpr std::string_view kTerminationFile = "/dev/termination-log";
// The kubelet takes 4096 bytes of it; what is longer is cut.
Status WriteTerminationMessage(const std::string& file, std::string_view message);

}  // namespace stockade::credentials
