#pragma once

#include <string>
#include <utility>

#include "api/agent_sandbox.h"
#include "operator/cached_objects.h"

namespace stockade::sandbox_operator {

// What a live object that is known means for one that is wanted.
enum class Claimed { kOurs, kWaiting, kStrangers };

// For whom an object is made, by which the operator knows its own again: a sandbox, which is the
// object's controller, or a shared gateway, whose objects no sandbox owns and which carry its
// label. Nobody else gives an object such a label while the guards are there; one that somebody
// labelled without them is repaired as a whole before anything is led there.
class Claimant {
 public:
  // A sandbox can be given where a claimant is asked for.
  Claimant(const api::AgentSandbox& sandbox);  // NOLINT(*-explicit-*)
  [[nodiscard]] static Claimant OfSharedGateway(const runtime::ObjectKey& gateway);
  // For whom the objects of the sandbox's gateway of that name are made.
  [[nodiscard]] static Claimant OfGateway(const api::AgentSandbox& sandbox,
                                          const std::string& gateway);

  [[nodiscard]] const std::string& namespace_name() const { return key_.namespace_name; }

  // The sandbox itself is the owner.
  [[nodiscard]] bool IsOwner(const ControllerOwner& owner) const;
  [[nodiscard]] Claimed Judge(const ControllerOwner& owner, const api::StringMap& labels,
                              bool deleting) const;
  // A claim may be without an owner, where it is to outlive its sandbox: it is that sandbox's, and
  // that of one of the same name which would have it outlive itself as well.
  [[nodiscard]] Claimed Judge(const CachedClaim& live) const;
  // Of any other cached kind that can belong to somebody.
  template <typename T>
  [[nodiscard]] Claimed Judge(const T& live) const {
    return Judge(live.owner, live.labels, live.deleting);
  }

 private:
  explicit Claimant(runtime::ObjectKey gateway) : key_(std::move(gateway)), shared_(true) {}

  runtime::ObjectKey key_;  // of the sandbox or of the gateway
  std::string uid_;         // of the sandbox
  bool retains_ = false;    // the sandbox would have its claims outlive it
  bool shared_ = false;     // it is a gateway's
};

// The shared gateway that labels of the operator's name; empty when they name none.
[[nodiscard]] std::string SharedGatewayNamed(const api::StringMap& labels);

}  // namespace stockade::sandbox_operator
