#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "api/agent_sandbox.h"
#include "base/status.h"
#include "codec/json.h"
#include "operator/authority_keeper.h"
#include "render/egress_profile.h"

// The certificates of one gateway and of its sandboxes, in Secrets that the operator writes and
// never reads. What it has issued it notes beside (kIssuedAnnotation), and issues it again when
// that is not what it would issue now, or soon ends.
namespace stockade::sandbox_operator {

// A gateway's Service, which owns the Secrets: they go with it. But the identity of a sandbox that
// shares the gateway belongs to the sandbox.
struct GatewayService {
  std::string name;
  std::string uid;
  bool shared = false;
};

// The names of the Secrets. They follow from the uid of the owner, so that none can be there before
// the owner is; each write replaces the whole Secret, so that nothing of another's is taken over.
[[nodiscard]] std::string SandboxIdentitySecret(const api::AgentSandbox& sandbox,
                                                const GatewayService& gateway);
[[nodiscard]] std::string GatewayIdentitySecret(const GatewayService& gateway);
[[nodiscard]] std::string LeavesSecret(const GatewayService& gateway);

// "DIGEST@SECONDS": of everything that the certificates depend on, and when they are to be renewed.
class IssuedNote {
 public:
  IssuedNote(std::string digest, pki::TimePoint renew_at)
      : digest_(std::move(digest)), renew_at_(renew_at) {}

  [[nodiscard]] std::string ToString() const;
  // Whether `text` notes what has this digest and need not be renewed yet. Then `renew_at` is when.
  // A time further away than `lifetime` was never written by the operator.
  [[nodiscard]] static bool IsCurrent(std::string_view text, std::string_view digest,
                                      pki::TimePoint now, std::chrono::seconds lifetime,
                                      pki::TimePoint& renew_at);

 private:
  std::string digest_;
  pki::TimePoint renew_at_;
};

// When what is issued now is to be renewed: after half of its lifetime and up to a tenth more, by
// the uid of the sandbox or of the gateway's Service, so that those of one moment are not renewed
// in one moment.
[[nodiscard]] pki::TimePoint RenewAt(const std::string& uid, pki::TimePoint now,
                                     std::chrono::seconds lifetime);

// Digests of everything that the Secrets depend on but the time.
[[nodiscard]] std::string SandboxIdentityDigest(const api::AgentSandbox& sandbox,
                                                const render::EgressProfile& profile,
                                                const GatewayService& gateway,
                                                const Authorities& authorities,
                                                const std::string& trust_domain);
[[nodiscard]] std::string GatewayDigest(const render::EgressProfile& profile,
                                        const GatewayService& gateway,
                                        const Authorities& authorities);

// The Secrets with what is issued now. They hold private keys: see WipeSecret. Those of a gateway
// are the same for each sandbox that shares it.
struct IssueRequest {
  const api::AgentSandbox& sandbox;
  const render::EgressProfile& profile;
  const GatewayService& gateway;
  const Authorities& authorities;
  std::string trust_domain;
  std::chrono::seconds lifetime;
  pki::TimePoint now;
};
Result<codec::Json> IssueSandboxIdentity(const IssueRequest& request);
Result<codec::Json> IssueGatewayIdentity(const IssueRequest& request);
Result<codec::Json> IssueLeaves(const IssueRequest& request);
void WipeSecret(codec::Json& secret);

}  // namespace stockade::sandbox_operator
