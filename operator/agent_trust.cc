#include "operator/agent_trust.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <vector>

#include "api/gateway_names.h"
#include "base/clock.h"
#include "base/strings.h"

namespace stockade::sandbox_operator {
namespace {

// Enough to tell a handful of authorities apart.
constexpr std::size_t kIdDigits = 16;
// By then a pod that runs has the changed file: the operator's write of the ConfigMap, and the
// kubelet's look at it, which takes up to about two minutes.
constexpr auto kFileFollows = std::chrono::minutes(10);

std::string IdOf(const pki::Succession& authority) {
  return authority.certificate.Fingerprint().substr(0, kIdDigits);
}

bool Knows(const CachedPod& pod, const pki::Succession& authority) {
  // What is yet to start finds the file as it is now.
  if (!pod.oldest_start || *pod.oldest_start >= authority.published + kFileFollows) return true;
  const auto note = pod.annotations->find(std::string(api::kTrustedAnnotation));
  if (note == pod.annotations->end()) return false;
  const auto known = Split(note->second, ',');
  return std::ranges::find(known, IdOf(authority)) != known.end();
}

constexpr std::string_view kRemedy =
    "; delete the pod to have it start anew, unless its programs read their file of authorities "
    "for each connection";

}  // namespace

std::string TrustNote(const Authorities& authorities) {
  std::vector<std::string> ids;
  ids.reserve(authorities.shown_to_agents.size());
  for (const pki::Succession& authority : authorities.shown_to_agents) {
    ids.push_back(IdOf(authority));
  }
  return Join(ids, ",");
}

std::string DescribeDistrust(const CachedPod& pod, const Authorities& authorities) {
  for (const pki::Succession& authority : authorities.shown_to_agents) {
    if (Knows(pod, authority)) continue;
    const std::string from = FormatTime(authority.signs_from);
    // The first of them signs now.
    const bool signs = &authority == &authorities.shown_to_agents.front();
    return signs ? "since " + from +
                       " the egress gateway shows certificates of an authority that processes of "
                       "the agent do not know which began before it was made, so they refuse its "
                       "connections" +
                       std::string(kRemedy)
                 : "from " + from +
                       " on the egress gateway shows certificates of a new authority, which "
                       "processes of the agent do not know that began before it was made, so they "
                       "will refuse its connections then" +
                       std::string(kRemedy);
  }
  return {};
}

}  // namespace stockade::sandbox_operator
