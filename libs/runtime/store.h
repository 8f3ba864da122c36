#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <utility>
#include <vector>

#include "runtime/object_key.h"

namespace stockade::runtime {

// What every cached object knows of itself; the cached types derive from it.
struct CachedObject {
  ObjectKey key;
  std::string uid;
  // Comparable as a number since Kubernetes 1.35 says so in its API contract (KEP-5504), and in
  // every release before it in fact.
  std::uint64_t resource_version = 0;
};

// The objects of one kind, as last seen by a watch or written by ourselves, whichever is newer:
// RecordWrite and RecordDelete make a reconciler read its own writes before the watch brings them
// back, and an older event never undoes them. Objects are immutable and shared. Any number of
// readers; writers are the informer's thread and the workers that record. Safe from any thread.
template <typename T>
class Store {
 public:
  using Ptr = std::shared_ptr<const T>;
  // What a change did; either side may be null, never both.
  struct Change {
    Ptr before;
    Ptr after;
    [[nodiscard]] explicit operator bool() const { return before != after; }
  };

  // Null when there is none.
  [[nodiscard]] Ptr Get(const ObjectKey& key) const {
    const std::shared_lock lock(mutex_);
    const auto entry = objects_.find(key);
    return entry == objects_.end() ? nullptr : entry->second;
  }

  [[nodiscard]] std::vector<Ptr> ListNamespace(const std::string& namespace_name) const {
    const std::shared_lock lock(mutex_);
    std::vector<Ptr> result;
    for (auto entry = objects_.lower_bound(ObjectKey{namespace_name, ""});
         entry != objects_.end() && entry->first.namespace_name == namespace_name; ++entry) {
      result.push_back(entry->second);
    }
    return result;
  }

  [[nodiscard]] std::vector<Ptr> List() const {
    const std::shared_lock lock(mutex_);
    std::vector<Ptr> result;
    result.reserve(objects_.size());
    for (const auto& [key, object] : objects_) result.push_back(object);
    return result;
  }

  [[nodiscard]] std::size_t size() const {
    const std::shared_lock lock(mutex_);
    return objects_.size();
  }

  // An object as an event or the answer to a write of ours showed it. Nothing changes when a newer
  // version is known or when this very object is known to be gone.
  Change Apply(T object) {
    const std::unique_lock lock(mutex_);
    return ApplyLocked(std::make_shared<const T>(std::move(object)));
  }
  Change RecordWrite(T object) { return Apply(std::move(object)); }

  // An event said that the object is gone, or no longer selected, as of `resource_version`. A newer
  // object of the same name stays.
  Change Remove(const ObjectKey& key, const std::string& uid, std::uint64_t resource_version) {
    const std::unique_lock lock(mutex_);
    return RemoveLocked(key, uid, resource_version);
  }

  // A delete of ours was answered: the object is gone, though events may still show it.
  Change RecordDelete(const ObjectKey& key, const std::string& uid) {
    const std::unique_lock lock(mutex_);
    return RemoveLocked(key, uid, std::numeric_limits<std::uint64_t>::max());
  }

  // A complete list as of `resource_version` takes the place of what was known, but for writes of
  // our own that are newer than the list. Returns every change.
  std::vector<Change> Replace(std::vector<T> objects, std::uint64_t resource_version) {
    const std::unique_lock lock(mutex_);
    std::vector<Change> changes;
    std::map<ObjectKey, Ptr> before = std::move(objects_);
    objects_.clear();
    for (T& object : objects) {
      auto known = before.find(object.key);
      Ptr listed = std::make_shared<const T>(std::move(object));
      if (IsGoneLocked(*listed)) continue;
      if (known == before.end()) {
        changes.push_back({nullptr, listed});
      } else {
        if (known->second->resource_version >= listed->resource_version) {
          listed = known->second;
        } else {
          changes.push_back({known->second, listed});
        }
        before.erase(known);
      }
      objects_.emplace(listed->key, listed);
    }
    for (auto& [key, object] : before) {
      if (object->resource_version > resource_version) {
        objects_.emplace(key, object);
      } else {
        changes.push_back({object, nullptr});
      }
    }
    return changes;
  }

 private:
  // How many removals are remembered; an answer or event that comes later than so many others
  // would bring back a dead object until the next list.
  static constexpr std::size_t kRememberedRemovals = 4096;

  [[nodiscard]] bool IsGoneLocked(const T& object) const {
    const auto entry = gone_.find(object.uid);
    return entry != gone_.end() && entry->second >= object.resource_version;
  }

  Change ApplyLocked(Ptr object) {
    if (IsGoneLocked(*object)) return {};
    auto [entry, inserted] = objects_.try_emplace(object->key, object);
    if (inserted) return {nullptr, object};
    if (entry->second->resource_version >= object->resource_version) return {};
    Change change{entry->second, object};
    entry->second = std::move(object);
    return change;
  }

  Change RemoveLocked(const ObjectKey& key, const std::string& uid, std::uint64_t version) {
    const auto [tombstone, inserted] = gone_.try_emplace(uid, version);
    if (inserted) {
      gone_order_.push_back(uid);
      if (gone_order_.size() > kRememberedRemovals) {
        gone_.erase(gone_order_.front());
        gone_order_.pop_front();
      }
    } else {
      tombstone->second = std::max(tombstone->second, version);
    }
    const auto entry = objects_.find(key);
    if (entry == objects_.end() || entry->second->uid != uid ||
        entry->second->resource_version > version) {
      return {};
    }
    Change change{entry->second, nullptr};
    objects_.erase(entry);
    return change;
  }

  mutable std::shared_mutex mutex_;
  std::map<ObjectKey, Ptr> objects_;
  // The resourceVersion at which each of the last removed objects was gone, by uid, so that an
  // answer or event that arrives late does not bring it back.
  std::map<std::string, std::uint64_t> gone_;
  std::deque<std::string> gone_order_;
};

}  // namespace stockade::runtime
