#pragma once

#include <span>

#include "policy/rule.h"

// The parts of the rules' table, one for each file of rules; rules.cc joins them in this order.
namespace stockade::policy {

[[nodiscard]] std::span<const Rule> SandboxRules();
[[nodiscard]] std::span<const Rule> EgressRules();
[[nodiscard]] std::span<const Rule> EgressCredentialRules();
[[nodiscard]] std::span<const Rule> AgentSettingsRules();
[[nodiscard]] std::span<const Rule> MountRules();
[[nodiscard]] std::span<const Rule> ImageRules();
[[nodiscard]] std::span<const Rule> MetadataRules();
[[nodiscard]] std::span<const Rule> PodRules();
[[nodiscard]] std::span<const Rule> SchedulingRules();
[[nodiscard]] std::span<const Rule> IdentityRules();
[[nodiscard]] std::span<const Rule> SecurityContextRules();
[[nodiscard]] std::span<const Rule> CredentialRules();
[[nodiscard]] std::span<const Rule> VolumeRules();
[[nodiscard]] std::span<const Rule> ReservedRules();
[[nodiscard]] std::span<const Rule> VolumeMountRules();
[[nodiscard]] std::span<const Rule> EnvRules();
[[nodiscard]] std::span<const Rule> ContainerRules();
[[nodiscard]] std::span<const Rule> ResourceRules();
[[nodiscard]] std::span<const Rule> ReviewedFieldRules();
[[nodiscard]] std::span<const Rule> PolicyRules();
[[nodiscard]] std::span<const Rule> EgressPolicyRules();
[[nodiscard]] std::span<const Rule> LifetimePolicyRules();
[[nodiscard]] std::span<const Rule> AgentSettingsPolicyRules();
[[nodiscard]] std::span<const Rule> GuardRules();

}  // namespace stockade::policy
