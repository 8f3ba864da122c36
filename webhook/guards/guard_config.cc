#include "webhook/guards/guard_config.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace stockade::webhook {
namespace {

// Groups that everybody is in, or that hold more than anyone can mean.
constexpr std::array<std::string_view, 3> kGroupsOfEverybody = {
    "system:authenticated", "system:serviceaccounts", "system:unauthenticated"};

}  // namespace

void ReadGuardConfig(codec::ObjectReader& parent, std::vector<codec::FieldError>& errors,
                     GuardConfig& config) {
  codec::ObjectReader reader(parent.Value("guards"), parent.PathOf("guards"), errors);
  reader.String("operatorUser", config.operator_user);
  if (config.operator_user.empty()) {
    reader.AddError("operatorUser",
                    "must be the operator's name towards the API server, such as "
                    "system:serviceaccount:stockade-system:stockade-operator");
  }
  reader.StringList("trustedUsers", config.trusted_users);
  reader.StringList("trustedGroups", config.trusted_groups);
  for (const std::string& group : config.trusted_groups) {
    if (std::ranges::find(kGroupsOfEverybody, group) == kGroupsOfEverybody.end()) continue;
    reader.AddError("trustedGroups", "must not hold " + group +
                                         ", which nearly everybody is in; name the groups of "
                                         "single namespaces");
  }
  reader.Finish();
}

}  // namespace stockade::webhook
