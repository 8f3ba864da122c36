#include "api/label_selector.h"

#include <algorithm>
#include <array>

#include "base/strings.h"

namespace stockade::api {
namespace {

constexpr std::array<std::string_view, 4> kOperatorNames = {"In", "NotIn", "Exists",
                                                            "DoesNotExist"};

// What the admission plugin PodTopologyLabels copies from a node to each pod that is bound to it.
constexpr std::array<std::string_view, 2> kLabelsOfNodes = {"topology.kubernetes.io/zone",
                                                            "topology.kubernetes.io/region"};

constexpr std::string_view kKeyGrammar =
    "must be a label key such as team or example.com/team: at most 63 letters, digits, '-', '_' "
    "and '.', with a letter or digit at both ends";
constexpr std::string_view kValueGrammar =
    "must be a label value: at most 63 letters, digits, '-', '_' and '.', with a letter or digit "
    "at both ends";

}  // namespace

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

LabelSelector LabelSelector::WithAnyValueOf(std::string_view key) const {
  LabelSelector result = *this;
  for (Requirement& requirement : result.requirements_) {
    if (requirement.key == key && requirement.op != Operator::kDoesNotExist) {
      requirement.op = Operator::kUnknown;
    }
  }
  return result;
}

LabelSelector LabelSelector::WhereverScheduled() const {
  LabelSelector result = *this;
  for (Requirement& requirement : result.requirements_) {
    if (std::ranges::find(kLabelsOfNodes, requirement.key) != kLabelsOfNodes.end()) {
      requirement.op = Operator::kUnknown;
    }
  }
  return result;
}

bool LabelSelector::AsksBeside(std::string_view key) const {
  return std::ranges::any_of(
      requirements_, [key](const Requirement& requirement) { return requirement.key != key; });
}

std::string LabelSelector::ContradictoryKey() const {
  for (const Requirement& requirement : requirements_) {
    if (requirement.op != Operator::kIn && requirement.op != Operator::kExists) continue;
    const auto same_key = [&requirement](const Requirement& other) {
      return other.key == requirement.key;
    };
    const auto met_by = [&](const StringMap& labels) {
      return std::ranges::all_of(requirements_, [&](const Requirement& other) {
        if (!same_key(other)) return true;
        LabelSelector one;
        one.requirements_.push_back(other);
        return one.Matches(labels);
      });
    };
    // A label that exists has one of the listed values, or one that nobody lists.
    std::vector<std::string> candidates = requirement.values;
    if (requirement.op == Operator::kExists) {
      candidates = {" "};
      for (const Requirement& other : requirements_) {
        if (same_key(other)) {
          candidates.insert(candidates.end(), other.values.begin(), other.values.end());
        }
      }
    }
    const bool possible = std::ranges::any_of(
        candidates, [&](const std::string& value) { return met_by({{requirement.key, value}}); });
    if (!possible) return requirement.key;
  }
  return {};
}

void CheckLabelSelector(codec::JsonView selector, std::string_view path, bool strict,
                        std::vector<codec::FieldError>& errors) {
  if (selector.IsUnset()) return;
  codec::ObjectReader reader(selector, std::string(path), errors);
  StringMap labels;
  reader.StringMap("matchLabels", labels);
  for (const auto& [key, value] : labels) {
    if (!IsLabelKey(key)) {
      reader.AddError("matchLabels", "\"" + Truncate(key, 80) + "\" " + std::string(kKeyGrammar));
    }
    if (!IsLabelValue(value)) {
      reader.AddError("matchLabels",
                      "\"" + Truncate(value, 80) + "\" " + std::string(kValueGrammar));
    }
  }
  reader.Array("matchExpressions")
      .ForEachElement([&](std::size_t index, codec::JsonView expression) {
        codec::ObjectReader entry(
            expression, reader.PathOf("matchExpressions") + "[" + std::to_string(index) + "]",
            errors);
        std::string key;
        entry.Require("key");
        entry.String("key", key);
        if (!key.empty() && !IsLabelKey(key)) entry.AddError("key", std::string(kKeyGrammar));
        std::size_t op = 0;
        entry.Require("operator");
        const bool known =
            std::ranges::find(kOperatorNames, expression["operator"].StringOrEmpty()) !=
            kOperatorNames.end();
        entry.Enum("operator", kOperatorNames, op);
        std::vector<std::string> values;
        entry.StringList("values", values);
        const bool needs_values = op < 2;
        if (known && needs_values && values.empty()) {
          entry.AddError("values", "must list at least one value for the operator " +
                                       std::string(kOperatorNames[op]));
        }
        if (known && !needs_values && !values.empty()) {
          entry.AddError("values", "must not be set for the operator " +
                                       std::string(kOperatorNames[op]) +
                                       ", which asks only for the key");
        }
        for (const std::string& value : values) {
          if (!IsLabelValue(value)) entry.AddError("values", std::string(kValueGrammar));
        }
        if (strict) entry.Finish();
      });
  if (strict) reader.Finish();
}

}  // namespace stockade::api
