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
// basic. Files of kind aws begin without a credential, unless they have one: Envoy never looks
// again for one that was not there when it started. BadRequest names all that FindProblems finds.
Status Prepare(const Config& config);

// Whether the derived file is there, and a credential in it.
[[nodiscard]] bool HasCredential(const Derived& derived);

// Ok when every derived file has its credential.
Status CheckReady(const Config& config);

}  // namespace stockade::credentials
