#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/status.h"

namespace stockade {

// The contents of a regular file of at most 1 MiB: certificates, keys, tokens, kubeconfigs.
// BadRequest names the file, as `what` if that is given, and the reason; never blocks on a pipe or
// device.
Result<std::string> ReadSmallFile(const std::string& path, std::string_view what = {});

// The same with another limit, in whole MiB.
Result<std::string> ReadFileUpTo(std::size_t max_mebibytes, const std::string& path,
                                 std::string_view what = {});

// The same of what a user names on a command line, which may also be a pipe, as "<(command)" is, or
// a terminal: waits for the end of what comes through it. Not for a path that somebody else chose.
Result<std::string> ReadFileOrPipeUpTo(std::size_t max_mebibytes, const std::string& path,
                                       std::string_view what = {});

}  // namespace stockade
