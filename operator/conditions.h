#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/agent_sandbox.h"
#include "codec/json.h"

// What the statuses of all kinds have in common.
namespace stockade::sandbox_operator {

// A condition without its times. `status` is "True", "False" or "Unknown"; a message is cut to what
// a person reads.
[[nodiscard]] api::Condition MakeCondition(std::string type, std::string_view status,
                                           std::string reason, const std::string& message);

// The conditions of a status as it was last seen.
[[nodiscard]] std::vector<api::Condition> ConditionsOf(const api::JsonText& status);

// The list of conditions for a status of that generation. One whose status is as before keeps its
// lastTransitionTime.
[[nodiscard]] codec::Json ConditionList(std::vector<api::Condition> conditions,
                                        const std::vector<api::Condition>& before,
                                        std::int64_t generation,
                                        std::chrono::system_clock::time_point now);

// The merge patch that makes a whole status of what was there before. The uid makes it miss an
// object that was deleted and created again meanwhile.
[[nodiscard]] codec::Json StatusPatch(const std::string& uid, const codec::Json& before,
                                      codec::Json status);

}  // namespace stockade::sandbox_operator
