#pragma once

#include <cstddef>
#include <string_view>

// The names of what makes sandboxes from templates and hands them out. All of them are API, as
// those in names.h.
namespace stockade::api {

inline constexpr std::string_view kAgentSandboxTemplateKind = "AgentSandboxTemplate";
inline constexpr std::string_view kAgentSandboxPoolKind = "AgentSandboxPool";
inline constexpr std::string_view kAgentSandboxClaimKind = "AgentSandboxClaim";

// On an AgentSandbox, its value the name of the pool that has it for whoever claims it, or of the
// claim that has got it. Which of them it belongs to is told by its controller alone.
inline constexpr std::string_view kPoolLabel = "stockade.dev/pool";
inline constexpr std::string_view kClaimLabel = "stockade.dev/claim";
// On an AgentSandbox that was made from a template: the digest of what it was made from.
inline constexpr std::string_view kTemplateRevisionAnnotation = "stockade.dev/template-revision";

// A pool's name leaves room for "-" and kPoolSuffixBytes more in the names of its sandboxes.
inline constexpr std::size_t kPoolSuffixBytes = 5;
inline constexpr std::size_t kMaxPoolNameBytes = 44;

}  // namespace stockade::api
