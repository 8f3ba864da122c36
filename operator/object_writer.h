#pragma once

#include <optional>
#include <string>
#include <utility>

#include "base/status.h"
#include "codec/json.h"
#include "kube/client.h"
#include "operator/cached_objects.h"
#include "operator/claimant.h"
#include "runtime/store.h"

namespace stockade::sandbox_operator {

// How an object that a sandbox or a shared gateway should have came out.
enum class Ensured {
  kInPlace,       // it is as it should be
  kWaiting,       // its name is still taken by an object that is going away
  kNameConflict,  // its name belongs to somebody else, who is not overwritten
};

// Everything that tells one kind of such objects from another.
template <typename T>
struct OwnedKind {
  const kube::Resource& resource;
  runtime::Store<T>& store;
  Result<T> (*decode)(codec::JsonView);
  // Whether the live object is what was rendered, in all that the operator decides.
  bool (*matches)(const T& live, const T& desired);
  // Brings the live object's spec to what was rendered.
  void (*repair)(codec::Json& live, const codec::Json& desired);
};

// True when `live` has each of the labels `desired`.
[[nodiscard]] bool HasLabels(const api::StringMap& live, const api::StringMap& desired);
// Gives the live object the rendered labels and owner references, beside the labels it has.
void RepairMetadata(codec::Json& live, const codec::Json& desired);

// What is said of an object that is not to be touched; nothing for one of ours.
[[nodiscard]] std::optional<Ensured> HandsOff(Claimed claimed);

// Creates `desired` or repairs what differs: creation by POST, so that nothing of a stranger is
// taken over, and repair by PUT from the live object, so that no field of another manager survives
// where ours decide. Nothing differs, nothing is written. Conflict means that the object changed
// meanwhile; try again.
template <typename T>
Result<Ensured> EnsureOwned(kube::Client& client, const OwnedKind<T>& kind,
                            const Claimant& claimant, const codec::Json& desired) {
  const runtime::ObjectKey key{claimant.namespace_name(),
                               desired["metadata"]["name"].get<std::string>()};
  std::shared_ptr<const T> live = kind.store.Get(key);
  if (!live) {
    auto created = client.Create(kind.resource, key.namespace_name, desired);
    if (created.ok()) {
      auto decoded = kind.decode(created->root());
      if (!decoded.ok()) return decoded.status();
      kind.store.RecordWrite(std::move(decoded).value());
      return Ensured::kInPlace;
    }
    if (created.status().code() != StatusCode::kAlreadyExists) {
      return created.status().WithContext("creating " + std::string(kind.resource.kind) + " " +
                                          key.name);
    }
    auto existing = client.Get(kind.resource, key.namespace_name, key.name);
    if (!existing.ok()) return existing.status();
    auto decoded = kind.decode(existing->root());
    if (!decoded.ok()) return decoded.status();
    live = std::make_shared<const T>(std::move(decoded).value());
  }

  if (const auto hands_off = HandsOff(claimant.Judge(*live))) return *hands_off;
  const codec::JsonDocument desired_document = codec::ParseTrusted(desired);
  auto wanted = kind.decode(desired_document.root());
  if (!wanted.ok()) return wanted.status();
  if (kind.matches(*live, *wanted)) return Ensured::kInPlace;

  auto current = client.Get(kind.resource, key.namespace_name, key.name);
  if (!current.ok()) return current.status();
  auto found = kind.decode(current->root());
  if (!found.ok()) return found.status();
  if (const auto hands_off = HandsOff(claimant.Judge(*found))) return *hands_off;
  codec::Json repaired = current->root().ToJson();
  RepairMetadata(repaired, desired);
  kind.repair(repaired, desired);
  auto updated = client.Update(kind.resource, key.namespace_name, key.name, repaired);
  if (!updated.ok()) {
    return updated.status().WithContext("repairing " + std::string(kind.resource.kind) + " " +
                                        key.name);
  }
  auto decoded = kind.decode(updated->root());
  if (!decoded.ok()) return decoded.status();
  kind.store.RecordWrite(std::move(decoded).value());
  return Ensured::kInPlace;
}

// Deletes an object of ours that is wanted no longer; nothing happens when there is none.
template <typename T>
Status RemoveOwned(kube::Client& client, const OwnedKind<T>& kind, const Claimant& claimant,
                   const std::string& name) {
  const runtime::ObjectKey key{claimant.namespace_name(), name};
  const std::shared_ptr<const T> live = kind.store.Get(key);
  if (!live || claimant.Judge(*live) != Claimed::kOurs) return Status::Ok();
  kube::DeleteOptions options;
  options.uid = live->uid;
  options.propagation_policy = "Background";
  const auto deleted = client.Delete(kind.resource, key.namespace_name, name, options);
  if (!deleted.ok() && deleted.status().code() != StatusCode::kNotFound) {
    return deleted.status().WithContext("deleting " + std::string(kind.resource.kind) + " " + name);
  }
  kind.store.RecordDelete(key, live->uid);
  return Status::Ok();
}

}  // namespace stockade::sandbox_operator
