#pragma once

#include <string>
#include <vector>

#include "codec/json.h"
#include "policy/rule.h"

namespace stockade::property {

// What the libraries make of one AgentSandbox.
struct Judgement {
  // The CODE and FIELD of each error. "FieldValueInvalid" where it cannot be decoded at all, as the
  // webhook has it.
  std::vector<std::pair<std::string, std::string>> errors;
  codec::Json pod;                            // as rendered; null when there are errors
  std::vector<policy::Finding> pod_findings;  // of the rendered pod
};

Judgement Judge(const codec::Json& sandbox);

// What a rendered pod must never be, said without the rules: one sentence for each thing that is
// not as it should be.
std::vector<std::string> NotHardened(const codec::Json& pod);

}  // namespace stockade::property
