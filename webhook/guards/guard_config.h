#pragma once

#include <string>
#include <vector>

#include "codec/object_reader.h"
#include "policy/evaluate.h"

namespace stockade::webhook {

// What the guards must know beside the request and the cluster. A plain value.
struct GuardConfig {
  // The operator's name towards the API server, matched as a whole.
  std::string operator_user = "system:serviceaccount:stockade-system:stockade-operator";
  // Who may do what the control plane does: set the status of pods, bind and annotate them, and
  // delete them by force. For network plugins, other schedulers and the like.
  std::vector<std::string> trusted_users;
  std::vector<std::string> trusted_groups;
  // The RuntimeClasses that the operator's configuration maps tiers to; "" is the cluster's default
  // runtime.
  std::vector<std::string> runtime_classes = {"", "gvisor", "kata"};
  policy::Facts facts;
};

// Reads the section "guards" of a configuration: operatorUser, trustedUsers and trustedGroups.
void ReadGuardConfig(codec::ObjectReader& parent, std::vector<codec::FieldError>& errors,
                     GuardConfig& config);

}  // namespace stockade::webhook
