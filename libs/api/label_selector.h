#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/agent_sandbox.h"
#include "codec/json.h"
#include "codec/object_reader.h"

namespace stockade::api {

// metav1.LabelSelector. An empty one selects everything.
class LabelSelector {
 public:
  LabelSelector() = default;
  // An operator that is not known makes a requirement that is taken to match: the callers look for
  // policies that may concern a pod, and overlooking one is the error that matters.
  explicit LabelSelector(codec::JsonView selector);

  [[nodiscard]] bool Matches(const StringMap& labels) const;
  // The one value that the label must have to match; nothing when several do, or anything.
  [[nodiscard]] std::optional<std::string> RequiredValue(std::string_view key) const;
  // The same selector, for a label of which the value is not known: what is required of the value
  // is taken to match, and only the label's presence still counts.
  [[nodiscard]] LabelSelector WithAnyValueOf(std::string_view key) const;
  // The same selector, for a pod of which it is not known on what node it will run: the API server
  // gives a pod the zone and region of its node, and what is required of these is taken to match.
  [[nodiscard]] LabelSelector WhereverScheduled() const;
  // Whether there are no requirements at all.
  [[nodiscard]] bool SelectsEverything() const { return requirements_.empty(); }
  // Whether there are requirements of another key than this one.
  [[nodiscard]] bool AsksBeside(std::string_view key) const;
  // A key whose requirements contradict each other, so that nothing can ever match; or empty.
  [[nodiscard]] std::string ContradictoryKey() const;

 private:
  enum class Operator { kIn, kNotIn, kExists, kDoesNotExist, kUnknown };
  struct Requirement {
    std::string key;
    Operator op = Operator::kUnknown;
    std::vector<std::string> values;
  };

  std::vector<Requirement> requirements_;
};

// Reports in `errors` what in a LabelSelector has no meaning: values of the wrong type, keys and
// values that no label can have, operators that do not exist, In without values; when strict also
// every unknown field. `path` is where it stands. An unset selector is fine.
void CheckLabelSelector(codec::JsonView selector, std::string_view path, bool strict,
                        std::vector<codec::FieldError>& errors);

}  // namespace stockade::api
