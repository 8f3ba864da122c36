#include "api/label_selector.h"

#include <algorithm>

namespace stockade::api {

LabelSelector::LabelSelector(codec::JsonView selector) {
  selector["matchLabels"].ForEachMember([this](std::string_view key, codec::JsonView value) {
    requirements_.push_back(
        {std::string(key), Operator::kIn, {std::string(value.StringOrEmpty())}});
  });
  selector["matchExpressions"].ForEachElement([this](std::size_t, codec::JsonView expression) {
    Requirement requirement;
    requirement.key = expression["key"].StringOrEmpty();
    const std::string_view op = expression["operator"].StringOrEmpty();
    if (op == "In") requirement.op = Operator::kIn;
    if (op == "NotIn") requirement.op = Operator::kNotIn;
    if (op == "Exists") requirement.op = Operator::kExists;
    if (op == "DoesNotExist") requirement.op = Operator::kDoesNotExist;
    expression["values"].ForEachElement([&](std::size_t, codec::JsonView value) {
      requirement.values.emplace_back(value.StringOrEmpty());
    });
    requirements_.push_back(std::move(requirement));
  });
}

std::optional<std::string> LabelSelector::RequiredValue(std::string_view key) const {
  for (const Requirement& requirement : requirements_) {
    if (requirement.key == key && requirement.op == Operator::kIn &&
        requirement.values.size() == 1) {
      return requirement.values.front();
    }
  }
  return std::nullopt;
}

bool LabelSelector::Matches(const StringMap& labels) const {
  return std::ranges::all_of(requirements_, [&labels](const Requirement& requirement) {
    const auto label = labels.find(requirement.key);
    const bool present = label != labels.end();
    const bool listed =
        present && std::ranges::find(requirement.values, label->second) != requirement.values.end();
    switch (requirement.op) {
      case Operator::kIn:
        return listed;
      case Operator::kNotIn:
        return !listed;
      case Operator::kExists:
        return present;
      case Operator::kDoesNotExist:
        return !present;
      case Operator::kUnknown:
        return true;
    }
    return true;
  });
}

}  // namespace stockade::api
