#pragma once

#include <string_view>

namespace stockade::policy {

// For the mutation check alone: from now on the evaluation of this test program passes by the rule
// of that code. The rule stays known to FindRule. False when there is no such rule, or none with a
// check. The seam is the linker's (--wrap, see CMakeLists.txt): what is shipped has none. Call it
// before the first evaluation, from the main thread.
bool TakeOutRule(std::string_view code);

}  // namespace stockade::policy
