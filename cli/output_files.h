#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "codec/json.h"

namespace stockade::cli {

// Names for the files of objects, one each and no two the same: "agentsandbox-agents-browser.yaml",
// in lower case, with "-" for what has no place in a file's name. Pure.
[[nodiscard]] std::vector<std::string> FileNamesFor(const std::vector<codec::Json>& objects);

// Writes each text to the file of that name in a directory, which is made when it is not there.
// Without `force` no file is replaced: BadRequest when one exists, before anything is written.
// Each file is whole or not there. Returns the files' paths.
Result<std::vector<std::string>> WriteFiles(const std::string& directory,
                                            const std::vector<std::string>& names,
                                            const std::vector<std::string>& texts, bool force);

}  // namespace stockade::cli
