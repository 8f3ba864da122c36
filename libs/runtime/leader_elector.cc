#include "runtime/leader_elector.h"

#include <algorithm>
#include <utility>

#include "base/sleep.h"
#include "kube/resource_version.h"

namespace stockade::runtime {
namespace {

using codec::Json;

// Anybody may have written the Lease: members of the wrong type count as unset.
std::int64_t IntegerMember(const Json& spec, const char* key, std::int64_t otherwise) {
  const auto member = spec.find(key);
  return member != spec.end() && member->is_number_integer() ? member->get<std::int64_t>()
                                                             : otherwise;
}

std::string StringMember(const Json& spec, const char* key, const std::string& otherwise) {
  const auto member = spec.find(key);
  return member != spec.end() && member->is_string() ? member->get<std::string>() : otherwise;
}

constexpr std::int64_t kLongestLeaseSeconds = 3600;

}  // namespace

LeaderElector::LeaderElector(kube::Client& client, LeaderElectionOptions options,
                             const Clock& clock, std::shared_ptr<LeaderFence> fence, Logger& logger)
    : client_(client),
      options_(std::move(options)),
      clock_(clock),
      fence_(std::move(fence)),
      logger_(logger) {}

LeaderElector::Outcome LeaderElector::Run(const std::stop_token& stop,
                                          const std::function<void()>& lead) {
  logger_.Info("waiting to lead", {{"lease", options_.namespace_name + "/" + options_.lease},
                                   {"identity", options_.identity}});
  while (!TryAcquireOrRenew()) {
    if (replaced_) return Outcome::kReplaced;
    if (!SleepUnlessStopped(stop, UntilNextTry())) return Outcome::kStopped;
  }
  logger_.Info("leading", {{"lease", options_.namespace_name + "/" + options_.lease},
                           {"identity", options_.identity}});
  lead();
  while (SleepUnlessStopped(stop, options_.retry_period)) {
    if (!fence_->Leads()) break;
    // An attempt that failed is repeated until the fence shuts; another holder ends it at once.
    if (!TryAcquireOrRenew() && (replaced_ || HeldByOther())) break;
  }
  if (stop.stop_requested()) {
    Release();
    return Outcome::kStopped;
  }
  fence_->Shut();
  logger_.Error("leadership is lost", {{"holder", holder_}});
  return replaced_ ? Outcome::kReplaced : Outcome::kLost;
}

bool LeaderElector::TryAcquireOrRenew() {
  const std::chrono::nanoseconds began = clock_.SinceBoot();
  const bool leading = !holder_.empty() && holder_ == options_.identity;
  const Status status = Attempt(began);
  {
    const MutexLock lock(health_mutex_);
    // Held by another, or another was faster: both are in order.
    const bool in_order =
        status.code() == StatusCode::kAlreadyExists || status.code() == StatusCode::kConflict;
    health_ = in_order ? Status::Ok() : status;
  }
  if (status.ok()) {
    fence_->Extend(began + options_.renew_deadline, began + options_.lease_duration);
    return true;
  }
  const bool out_of_reach =
      status.code() == StatusCode::kUnavailable || status.code() == StatusCode::kDeadlineExceeded;
  if (out_of_reach || replaced_) fence_->Pause();
  // That another holds the Lease is the usual state of those that wait.
  if (leading || status.code() != StatusCode::kAlreadyExists) {
    logger_.Warning(leading ? "the lease was not renewed" : "the lease was not acquired",
                    {{"error", status.ToString()}, {"holder", holder_}});
  }
  return false;
}

Status LeaderElector::Attempt(std::chrono::nanoseconds began) {
  const std::string now = FormatMicroTime(clock_.Now());
  const auto live = client_.Get(kLeases, options_.namespace_name, options_.lease);
  replaced_ = replaced_ || IsFromThePast(live);
  if (replaced_) {
    return {StatusCode::kGone,
            "the lease is gone, or older than it was: it was deleted, or the API server's data was "
            "replaced, as by a restored backup; this process starts anew"};
  }
  if (live.status().code() == StatusCode::kNotFound) {
    const auto created = client_.Create(
        kLeases, options_.namespace_name,
        {{"apiVersion", "coordination.k8s.io/v1"},
         {"kind", "Lease"},
         {"metadata", {{"name", options_.lease}, {"namespace", options_.namespace_name}}},
         {"spec", NewSpec(0, now)}});
    // Whoever was first holds it; the next attempt sees who.
    if (!created.ok()) return created.status().WithContext("creating the lease");
    Observe(created->root());
    return Status::Ok();
  }
  if (!live.ok()) return live.status().WithContext("reading the lease");
  Observe(live->root());
  if (HeldByOther() && !Expired()) {
    return {StatusCode::kAlreadyExists, "the lease is held by " + holder_};
  }
  Json lease = observed_->object;
  const bool ours = holder_ == options_.identity;
  const std::int64_t transitions = IntegerMember(lease["spec"], "leaseTransitions", 0);
  lease["spec"] = NewSpec(ours ? transitions : transitions + 1,
                          ours ? StringMember(lease["spec"], "acquireTime", now) : now);
  // A renewal that took longer than it may would extend nothing.
  if (ours && clock_.SinceBoot() - began > options_.renew_deadline) {
    return {StatusCode::kDeadlineExceeded, "the lease could not be read in time"};
  }
  const auto updated = client_.Update(kLeases, options_.namespace_name, options_.lease, lease);
  if (!updated.ok()) return updated.status().WithContext("updating the lease");
  Observe(updated->root());
  return Status::Ok();
}

bool LeaderElector::IsFromThePast(const Result<codec::JsonDocument>& live) const {
  if (!observed_) return false;
  if (!live.ok()) return live.status().code() == StatusCode::kNotFound;
  // Reads of a single object are never older than a write that was answered or a read before.
  const auto seen = observed_->object.find("metadata");
  return seen != observed_->object.end() && seen->is_object() &&
         kube::IsOlderVersion(live->root()["metadata"]["resourceVersion"].StringOrEmpty(),
                              StringMember(*seen, "resourceVersion", ""));
}

void LeaderElector::Observe(codec::JsonView lease) {
  Json object = lease.ToJson();
  if (!object.is_object()) object = Json::object();
  if (!object["spec"].is_object()) object["spec"] = Json::object();
  holder_ = lease["spec"]["holderIdentity"].StringOrEmpty();
  // Clocks of other machines are not compared with ours: what counts is when a change was seen.
  if (!observed_ || observed_->object["spec"] != object["spec"]) {
    observed_ = Observed{std::move(object), clock_.SinceBoot()};
  } else {
    observed_->object = std::move(object);
  }
}

bool LeaderElector::HeldByOther() const { return !holder_.empty() && holder_ != options_.identity; }

std::chrono::nanoseconds LeaderElector::UntilNextTry() {
  // Jittered, so that several that wait do not ask at the same moment.
  const double stretch = std::uniform_real_distribution<double>(1.0, 1.2)(random_);
  const auto pause =
      std::chrono::duration_cast<std::chrono::nanoseconds>(options_.retry_period * stretch);
  if (!observed_) return pause;
  // Not a pause longer than needed once the Lease is nobody's any more.
  const std::chrono::nanoseconds left = observed_->since + Duration() - clock_.SinceBoot();
  return left > std::chrono::nanoseconds::zero() ? std::min(pause, left) : pause;
}

std::chrono::nanoseconds LeaderElector::Duration() const {
  // The holder says how long it counts on its Lease, which may be longer than ours would be.
  const std::int64_t seconds =
      IntegerMember(observed_->object.at("spec"), "leaseDurationSeconds",
                    std::chrono::ceil<std::chrono::seconds>(options_.lease_duration).count());
  return std::chrono::seconds(std::clamp(seconds, std::int64_t{1}, kLongestLeaseSeconds));
}

bool LeaderElector::Expired() const { return clock_.SinceBoot() - observed_->since >= Duration(); }

Json LeaderElector::NewSpec(std::int64_t transitions, const std::string& acquired) const {
  return {{"holderIdentity", options_.identity},
          {"leaseDurationSeconds",
           std::chrono::ceil<std::chrono::seconds>(options_.lease_duration).count()},
          {"acquireTime", acquired},
          {"renewTime", FormatMicroTime(clock_.Now())},
          {"leaseTransitions", transitions}};
}

Status LeaderElector::Health() const {
  const MutexLock lock(health_mutex_);
  return health_;
}

void LeaderElector::Release() {
  fence_->Shut();
  if (holder_ != options_.identity || !observed_) return;
  Status released = WriteRelease();
  if (released.code() == StatusCode::kConflict) {
    // A renewal that was given up may have been written all the same.
    const auto live = client_.Get(kLeases, options_.namespace_name, options_.lease);
    if (live.ok() && !IsFromThePast(live)) {
      Observe(live->root());
      if (holder_ != options_.identity) return;
      released = WriteRelease();
    }
  }
  if (released.ok()) {
    holder_.clear();
    logger_.Info("the lease is released");
  } else {
    logger_.Warning("the lease was not released; another leader waits for its end",
                    {{"error", released.ToString()}});
  }
}

Status LeaderElector::WriteRelease() {
  Json lease = observed_->object;
  lease["spec"]["holderIdentity"] = "";
  lease["spec"]["leaseDurationSeconds"] = 1;
  lease["spec"]["renewTime"] = FormatMicroTime(clock_.Now());
  return client_.Update(kLeases, options_.namespace_name, options_.lease, lease).status();
}

}  // namespace stockade::runtime
