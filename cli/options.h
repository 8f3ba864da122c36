#pragma once

#include "base/flags.h"

// Options that several commands have, with one spelling and one meaning.
namespace stockade::cli {

inline constexpr Flag kHelpFlag{
    .name = "help", .value = "", .help = "print this text", .letter = 'h'};
inline constexpr Flag kFilenameFlag{
    .name = "filename",
    .value = "FILE",
    .help = "a file or directory, as kubectl takes it; the same as an argument",
    .letter = 'f',
    .repeated = true};
inline constexpr Flag kNamespaceFlag{
    .name = "namespace",
    .value = "NAME",
    .help = "the namespace of manifests that name none (default: default)",
    .letter = 'n'};
inline constexpr Flag kConfigFlag{.name = "config",
                                  .value = "FILE",
                                  .help = "the operator's configuration; its defaults without it"};
inline constexpr Flag kPolicyFlag{
    .name = "policy",
    .value = "FILE|DIR",
    .help = "AgentSandboxPolicies beside those of the input; may be repeated",
    .repeated = true};
inline constexpr Flag kNamespaceLabelsFlag{
    .name = "namespace-labels",
    .value = "KEY=VALUE,...",
    .help = "labels of namespaces that the input does not hold"};
inline constexpr Flag kKubeconfigFlag{
    .name = "kubeconfig", .value = "FILE", .help = "how to reach the cluster"};
inline constexpr Flag kContextFlag{
    .name = "context", .value = "NAME", .help = "the kubeconfig's context"};

}  // namespace stockade::cli
