#pragma once

#include <string>

#include "base/status.h"

namespace stockade::canary {

// Puts this program into a file that anyone may execute, for another container that has no program
// to try the network with. What was there before is replaced at once, so that a copy that runs goes
// on. kInternal says what could not be done.
Status CopyProgramTo(const std::string& file);

}  // namespace stockade::canary
