#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <utility>

#include "base/mutex.h"

namespace stockade {

// Equal values as one value, shared by all who hold it: for what thousands of cached objects say
// alike. A value is forgotten with its last holder. It costs a lock and about 150 bytes for each
// value that differs, so it does not pay for what is short or unique. Safe to call from any thread.
template <typename T>
class InternPool {
 public:
  // The one for all of the program, never destroyed: values may outlive every other object.
  static InternPool& Global() {
    static InternPool* const pool = new InternPool;
    return *pool;
  }

  std::shared_ptr<const T> Get(T value) {
    const MutexLock lock(mutex_);
    const auto known = values_.find(&value);
    if (known != values_.end()) {
      if (auto shared = known->second.lock()) return shared;
      // Its last holder has just let go of it and is about to forget it.
      values_.erase(known);
    }
    std::shared_ptr<const T> shared(new T(std::move(value)),
                                    [this](const T* last) { Forget(last); });
    values_.emplace(shared.get(), shared);
    return shared;
  }

  [[nodiscard]] std::size_t size() {
    const MutexLock lock(mutex_);
    return values_.size();
  }

 private:
  struct ByValue {
    bool operator()(const T* a, const T* b) const { return *a < *b; }
  };

  void Forget(const T* value) {
    {
      const MutexLock lock(mutex_);
      const auto known = values_.find(value);
      // An equal value may have taken its place meanwhile.
      if (known != values_.end() && known->first == value) values_.erase(known);
    }
    delete value;
  }

  Mutex mutex_;
  std::map<const T*, std::weak_ptr<const T>, ByValue> values_ STOCKADE_GUARDED_BY(mutex_);
};

template <typename T>
[[nodiscard]] std::shared_ptr<const T> Intern(T value) {
  return InternPool<T>::Global().Get(std::move(value));
}

}  // namespace stockade
