#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/rule.h"

namespace stockade::policy {

// Collects what one rule after the other finds. Used by one evaluation, on one thread.
class Report {
 public:
  void BeginRule(const Rule& rule) { rule_ = &rule; }

  // `problem` says what is wrong with the value seen; the rule's remedy is added to it.
  void Add(std::string field, std::string problem) {
    Add(std::move(field), std::move(problem), rule_->remedy);
  }
  // As above, where this case has a remedy of its own.
  void Add(std::string field, std::string problem, std::string_view remedy) {
    problem += "; ";
    problem += remedy;
    findings_.push_back({rule_->code, rule_->severity, std::move(field), std::move(problem)});
  }

  [[nodiscard]] std::vector<Finding> Take() { return std::move(findings_); }

 private:
  const Rule* rule_ = nullptr;
  std::vector<Finding> findings_;
};

}  // namespace stockade::policy
