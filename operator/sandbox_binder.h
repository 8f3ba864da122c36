#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "api/agent_sandbox_claim.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "codec/json.h"
#include "kube/client.h"
#include "operator/binding_objects.h"
#include "operator/bound_sandbox.h"
#include "operator/caches.h"
#include "operator/sandbox_status.h"
#include "policy/evaluate.h"
#include "runtime/store.h"

namespace stockade::sandbox_operator {

// The template that something is made from, or why that cannot be.
struct TemplateSource {
  std::shared_ptr<const CachedSandboxTemplate> made_from;  // null with a problem
  std::optional<Blocker> problem;
};

// How a sandbox is deleted.
struct Removal {
  // Only if it is as it is known, so that one that a claim has just got stays with it.
  bool as_known = false;
  // It stays until its pod and what else is its own is gone, and so does a claim or a pool that is
  // itself deleted in the foreground.
  bool foreground = false;
};

// The only one that writes AgentSandboxes themselves: makes them from templates for pools and
// claims, gives a pool's to a claim, and deletes what belongs to either. What it has written is in
// the cache when it returns, and told of as an event would be. Safe to call from any thread; client
// and caches outlive it.
class SandboxBinder {
 public:
  using Ptr = std::shared_ptr<const CachedSandbox>;
  using OnChange = std::function<void(const runtime::Store<CachedSandbox>::Change&)>;

  SandboxBinder(kube::Client& client, Caches& caches, policy::Facts facts, const Clock& clock,
                OnChange on_change);

  // Whether that template of a namespace is there, and the floor lets what it makes for `claim`
  // pass. A pool asks with a claim that adds nothing.
  [[nodiscard]] TemplateSource Resolve(const std::string& namespace_name,
                                       const std::string& template_name,
                                       const api::AgentSandboxClaim& claim) const;

  // A sandbox as it is known, judged by the policies of now.
  [[nodiscard]] BoundSandbox Look(const CachedSandbox& sandbox) const;

  // Creates a sandbox of that name. AlreadyExists when the name is taken.
  Result<Ptr> Create(const Binder& binder, const std::string& binder_uid, const std::string& name,
                     const CachedSandboxTemplate& made_from, const api::AgentSandboxClaim& claim);

  // Gives a pool's sandbox to a claim, exactly as it is known, in one write: Conflict when it has
  // changed meanwhile, whatever the change, NotFound when it is gone. Conflict as well while
  // another call is giving it to somebody.
  Result<Ptr> Adopt(const CachedSandbox& member, const CachedSandboxClaim& claim);

  // How long ago a claim last got a sandbox of the pool of that uid; an hour when none has.
  [[nodiscard]] std::chrono::milliseconds SinceAdoption(const std::string& pool_uid) const;
  // That pool is gone.
  void Forget(const std::string& pool_uid);

  // Deletes a sandbox. Conflict when it is not as it is known and has to be. One that is gone is no
  // error.
  Status Remove(const CachedSandbox& sandbox, Removal removal);

  // Deletes of the sandboxes of such a pool or claim those of any but the one of this uid, and
  // those whose reference to it was taken off; an empty uid means that there is none any more,
  // which is asked of the API server first.
  Status RemoveOrphans(const kube::Resource& kind, const Binder& binder, const std::string& uid);

  // As the API server has it, past the cache. NotFound when there is none.
  Result<Ptr> Get(const runtime::ObjectKey& key);

 private:
  Result<Ptr> Record(codec::JsonView sandbox);

  kube::Client& client_;
  Caches& caches_;
  const policy::Facts facts_;
  const Clock& clock_;
  const OnChange on_change_;
  mutable Mutex mutex_;
  std::set<std::string> adopting_ STOCKADE_GUARDED_BY(mutex_);  // uids
  // By the uids of pools, on Clock::SinceBoot.
  std::map<std::string, std::chrono::nanoseconds> adopted_ STOCKADE_GUARDED_BY(mutex_);
};

// What it means that the API server did not take a sandbox, in words that say what would help;
// nothing for failures that are nobody's fault.
[[nodiscard]] std::optional<Blocker> ExplainSandboxRefused(const Status& error);

}  // namespace stockade::sandbox_operator
