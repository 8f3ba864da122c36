#include "webhook/guards/requester.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace stockade::webhook {
namespace {

constexpr std::string_view kNodePrefix = "system:node:";
constexpr std::string_view kNodesGroup = "system:nodes";
constexpr std::array<std::string_view, 3> kControlPlaneUsers = {
    "system:apiserver", "system:kube-controller-manager", "system:kube-scheduler"};
// The controllers have an account each: system:serviceaccount:kube-system:namespace-controller.
constexpr std::string_view kControllerPrefix = "system:serviceaccount:kube-system:";
constexpr std::string_view kControllersGroup = "system:serviceaccounts:kube-system";

bool IsControlPlane(const AdmissionRequest& request, const GuardConfig& config) {
  const std::string_view user = request.user_name;
  if (std::ranges::find(kControlPlaneUsers, user) != kControlPlaneUsers.end()) return true;
  if (user.starts_with(kControllerPrefix) && request.InGroup(kControllersGroup)) return true;
  return std::ranges::find(config.trusted_users, user) != config.trusted_users.end() ||
         std::ranges::any_of(config.trusted_groups, [&request](const std::string& group) {
           return request.InGroup(group);
         });
}

}  // namespace

Requester RequesterOf(const AdmissionRequest& request, const GuardConfig& config) {
  const std::string_view user = request.user_name;
  // Whose name is unknown is nobody in particular, whatever the configuration says.
  if (user.empty()) return Requester::kOther;
  if (user == config.operator_user) return Requester::kOperator;
  if (user.starts_with(kNodePrefix) && user.size() > kNodePrefix.size() &&
      request.InGroup(kNodesGroup)) {
    return Requester::kNode;
  }
  return IsControlPlane(request, config) ? Requester::kControlPlane : Requester::kOther;
}

}  // namespace stockade::webhook
