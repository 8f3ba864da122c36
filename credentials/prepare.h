#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "credentials/config.h"

namespace stockade::credentials {

// What keeps the gateway from having its credentials, a sentence for each: keys of Secrets that are
// missing, empty or unfit, by name and never with a value.
[[nodiscard]] std::vector<std::string> FindProblems(const Config& config);

// Before the proxy starts: makes the directories that it watches, and writes the files of kind
// basic. BadRequest names all that FindProblems finds.
Status Prepare(const Config& config);

// Ok when every derived file is there, with which the proxy can start.
Status CheckReady(const Config& config);

}  // namespace stockade::credentials
