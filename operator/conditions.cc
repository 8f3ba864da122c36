#include "operator/conditions.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "base/clock.h"
#include "base/strings.h"

namespace stockade::sandbox_operator {
namespace {

using api::Condition;
using codec::Json;

// metav1.Condition allows 32,768 bytes; a person reads far less.
constexpr std::size_t kMaxMessage = 4096;

}  // namespace

Condition MakeCondition(std::string type, std::string_view status, std::string reason,
                        const std::string& message) {
  return {.type = std::move(type),
          .status = std::string(status),
          .reason = std::move(reason),
          .message = Truncate(message, kMaxMessage),
          .last_transition_time = {},
          .observed_generation = 0};
}

std::vector<Condition> ConditionsOf(const api::JsonText& status) {
  const auto document = codec::JsonDocument::Parse(status.text());
  if (!document.ok()) return {};
  return api::DecodeConditions(document->root()["conditions"]);
}

Json ConditionList(std::vector<Condition> conditions, const std::vector<Condition>& before,
                   std::int64_t generation, std::chrono::system_clock::time_point now) {
  Json list = Json::array();
  for (Condition& condition : conditions) {
    const auto old = std::ranges::find(before, condition.type, &Condition::type);
    const bool unchanged = old != before.end() && old->status == condition.status;
    condition.last_transition_time = unchanged ? old->last_transition_time : FormatTime(now);
    condition.observed_generation = generation;
    list.push_back(api::ToJson(condition));
  }
  return list;
}

Json StatusPatch(const std::string& uid, const Json& before, Json status) {
  if (before.is_object()) {
    // A merge patch removes only what it names.
    for (const auto& [field, value] : before.items()) {
      if (!status.contains(field)) status[field] = nullptr;
    }
  }
  return {{"metadata", {{"uid", uid}}}, {"status", std::move(status)}};
}

}  // namespace stockade::sandbox_operator
