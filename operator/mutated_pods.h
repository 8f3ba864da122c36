#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/mutex.h"
#include "codec/json.h"

namespace stockade::sandbox_operator {

// Pods that an admission plugin of the cluster changed when they were created, so that the same is
// not tried again at once: the sandbox has no pod until its owner or the plugin's does something.
// Kept in memory. Safe to call from any thread.
class MutatedPods {
 public:
  struct Entry {
    std::string spec_hash;  // of what was rendered: other contents are tried at once
    std::string pod_uid;
    std::string message;  // what was changed
  };

  void Record(const std::string& sandbox_uid, Entry entry);
  // What came of the last attempt to create a pod with that hash, if it was changed.
  [[nodiscard]] std::optional<Entry> Find(const std::string& sandbox_uid,
                                          const std::string& spec_hash) const;
  void Forget(const std::string& sandbox_uid);

 private:
  mutable Mutex mutex_;
  std::map<std::string, Entry> entries_ STOCKADE_GUARDED_BY(mutex_);
};

// What differs between a pod as it was rendered and as the API server created it, for people: the
// first few differences of containers and their images, or a sentence that names the rest.
[[nodiscard]] std::string DescribeMutation(codec::JsonView rendered, codec::JsonView created);

}  // namespace stockade::sandbox_operator
