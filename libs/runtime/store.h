#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
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
    bool listed = false;  // seen in a complete list: nobody did this just now
    [[nodiscard]] explicit operator bool() const { return before != after; }
  };

  // Names the groups that an object belongs to, for ListIndexed.
  using Index = std::function<std::vector<std::string>(const T&)>;
  // Returns the index's number. Before the first object.
  std::size_t AddIndex(Index index) {
    const WriterLock lock(mutex_);
    indexes_.push_back({std::move(index), {}});
    return indexes_.size() - 1;
  }

  // Null when there is none.
  [[nodiscard]] Ptr Get(const ObjectKey& key) const {
    const ReaderLock lock(mutex_);
    const auto entry = objects_.find(key);
    return entry == objects_.end() ? nullptr : entry->second;
  }

  [[nodiscard]] std::vector<Ptr> ListNamespace(const std::string& namespace_name) const {
    const ReaderLock lock(mutex_);
    std::vector<Ptr> result;
    for (auto entry = objects_.lower_bound(ObjectKey{namespace_name, ""});
         entry != objects_.end() && entry->first.namespace_name == namespace_name; ++entry) {
      result.push_back(entry->second);
    }
    return result;
  }

  // The objects that the index puts into that group, by key.
  [[nodiscard]] std::vector<Ptr> ListIndexed(std::size_t index, const std::string& group) const {
    const ReaderLock lock(mutex_);
    std::vector<Ptr> result;
    const auto& groups = indexes_[index].groups;
    const auto found = groups.find(group);
    if (found == groups.end()) return result;
    result.reserve(found->second.size());
    for (const ObjectKey& key : found->second) result.push_back(objects_.at(key));
    return result;
  }

  // The first of these; null when there is none.
  [[nodiscard]] Ptr FirstIndexed(std::size_t index, const std::string& group) const {
    const ReaderLock lock(mutex_);
    const auto& groups = indexes_[index].groups;
    const auto found = groups.find(group);
    return found == groups.end() ? nullptr : objects_.at(*found->second.begin());
  }

  [[nodiscard]] bool AnyInNamespace(const std::string& namespace_name) const {
    const ReaderLock lock(mutex_);
    const auto entry = objects_.lower_bound(ObjectKey{namespace_name, ""});
    return entry != objects_.end() && entry->first.namespace_name == namespace_name;
  }

  [[nodiscard]] std::vector<Ptr> List() const {
    const ReaderLock lock(mutex_);
    std::vector<Ptr> result;
    result.reserve(objects_.size());
    for (const auto& [key, object] : objects_) result.push_back(object);
    return result;
  }

  [[nodiscard]] std::size_t size() const {
    const ReaderLock lock(mutex_);
    return objects_.size();
  }

  // Whether Apply of that version of an object would change nothing.
  [[nodiscard]] bool Knows(const CachedObject& version) const {
    const ReaderLock lock(mutex_);
    return KnowsLocked(version);
  }

  // An object as an event or the answer to a write of ours showed it. Nothing changes when a newer
  // version is known or when this very object is known to be gone.
  Change Apply(T object) {
    const WriterLock lock(mutex_);
    return ApplyLocked(std::make_shared<const T>(std::move(object)));
  }
  Change RecordWrite(T object) { return Apply(std::move(object)); }

  // An event said that the object is gone, or no longer selected, as of `resource_version`. A newer
  // object of the same name stays.
  Change Remove(const ObjectKey& key, const std::string& uid, std::uint64_t resource_version) {
    const WriterLock lock(mutex_);
    return RemoveLocked(key, uid, resource_version);
  }

  // A delete of ours was answered: the object is gone, though events may still show it.
  Change RecordDelete(const ObjectKey& key, const std::string& uid) {
    const WriterLock lock(mutex_);
    return RemoveLocked(key, uid, std::numeric_limits<std::uint64_t>::max());
  }

  // A complete list as of `resource_version` takes the place of what was known, but for what our
  // own writes made later than that. With `new_history` the server's data was replaced, as by a
  // restored backup, and versions known from before mean nothing. A list of one namespace,
  // `namespace_name`, says nothing of others. Returns every change.
  std::vector<Change> Replace(std::vector<T> objects, std::uint64_t resource_version,
                              bool new_history = false, const std::string& namespace_name = {}) {
    const WriterLock lock(mutex_);
    if (new_history) {
      gone_.clear();
      gone_order_.clear();
    }
    const auto is_later = [&](std::uint64_t version) {
      return !new_history && version > resource_version;
    };
    std::vector<Change> changes;
    const auto put = [&](const Ptr& object) STOCKADE_REQUIRES(mutex_) {
      const auto known = objects_.find(object->key);
      const Ptr before = known == objects_.end() ? nullptr : known->second;
      if (before && before->uid == object->uid &&
          before->resource_version == object->resource_version && !new_history) {
        return;
      }
      if (before && is_later(before->resource_version)) return;
      PutLocked(object);
      changes.push_back({before, object, /*listed=*/true});
    };
    std::set<ObjectKey> listed;
    for (T& object : objects) {
      const auto gone = gone_.find(object.uid);
      if (gone != gone_.end() && is_later(gone->second)) continue;
      listed.insert(object.key);
      put(std::make_shared<const T>(std::move(object)));
    }
    std::vector<Ptr> missing;
    for (auto entry = objects_.lower_bound(ObjectKey{namespace_name, ""}); entry != objects_.end();
         ++entry) {
      const auto& [key, object] = *entry;
      if (!namespace_name.empty() && key.namespace_name != namespace_name) break;
      if (!listed.contains(key) && !is_later(object->resource_version)) missing.push_back(object);
    }
    for (const Ptr& object : missing) {
      EraseLocked(object->key);
      changes.push_back({object, nullptr, /*listed=*/true});
    }
    return changes;
  }

 private:
  // How many removals are remembered; an answer or event that comes later than so many others
  // would bring back a dead object until the next list.
  static constexpr std::size_t kRememberedRemovals = 4096;

  [[nodiscard]] bool KnowsLocked(const CachedObject& object) const
      STOCKADE_REQUIRES_SHARED(mutex_) {
    const auto gone = gone_.find(object.uid);
    if (gone != gone_.end() && gone->second >= object.resource_version) return true;
    const auto known = objects_.find(object.key);
    return known != objects_.end() && known->second->resource_version >= object.resource_version;
  }

  Change ApplyLocked(const Ptr& object) STOCKADE_REQUIRES(mutex_) {
    if (KnowsLocked(*object)) return {};
    const auto known = objects_.find(object->key);
    const Ptr before = known == objects_.end() ? nullptr : known->second;
    PutLocked(object);
    return {before, object};
  }

  Change RemoveLocked(const ObjectKey& key, const std::string& uid, std::uint64_t version)
      STOCKADE_REQUIRES(mutex_) {
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
    EraseLocked(Ptr(entry->second)->key);
    return change;
  }

  void PutLocked(const Ptr& object) STOCKADE_REQUIRES(mutex_) {
    EraseLocked(object->key);
    objects_.emplace(object->key, object);
    for (Indexed& indexed : indexes_) {
      for (std::string& group : indexed.index(*object)) {
        indexed.groups[std::move(group)].insert(object->key);
      }
    }
  }

  void EraseLocked(const ObjectKey& key) STOCKADE_REQUIRES(mutex_) {
    const auto entry = objects_.find(key);
    if (entry == objects_.end()) return;
    for (Indexed& indexed : indexes_) {
      for (const std::string& group : indexed.index(*entry->second)) {
        const auto members = indexed.groups.find(group);
        if (members == indexed.groups.end()) continue;
        members->second.erase(key);
        if (members->second.empty()) indexed.groups.erase(members);
      }
    }
    objects_.erase(entry);
  }

  struct Indexed {
    Index index;
    std::map<std::string, std::set<ObjectKey>> groups;
  };

  mutable SharedMutex mutex_;
  std::map<ObjectKey, Ptr> objects_ STOCKADE_GUARDED_BY(mutex_);
  std::vector<Indexed> indexes_ STOCKADE_GUARDED_BY(mutex_);
  // The resourceVersion at which each of the last removed objects was gone, by uid, so that an
  // answer or event that arrives late does not bring it back.
  std::map<std::string, std::uint64_t> gone_ STOCKADE_GUARDED_BY(mutex_);
  std::deque<std::string> gone_order_ STOCKADE_GUARDED_BY(mutex_);
};

}  // namespace stockade::runtime
