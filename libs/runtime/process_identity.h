#pragma once

#include <string>
#include <string_view>

namespace stockade::runtime {

// "HOST_0123456789abcdef": says where a process runs, and no two processes have the same. `program`
// stands for a host that has no name.
[[nodiscard]] std::string NewProcessIdentity(std::string_view program);

}  // namespace stockade::runtime
