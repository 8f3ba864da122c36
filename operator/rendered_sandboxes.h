#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "operator/cached_objects.h"
#include "policy/evaluate.h"
#include "render/render.h"
#include "runtime/recent_map.h"

namespace stockade::sandbox_operator {

// What the rules say of a sandbox's spec and, when they allow it, what should exist for it.
struct RenderedSandbox {
  std::vector<policy::Finding> findings;
  render::DesiredObjects desired;  // nothing when a finding is an error
};

// Remembers what was rendered last: a sandbox is looked at several times within a second when it
// comes to be, and its spec is the same each time. Safe to call from any thread.
class RenderedSandboxes {
 public:
  using Make = std::function<RenderedSandbox()>;

  // That of this very spec; made when it is not remembered.
  std::shared_ptr<const RenderedSandbox> Get(const CachedSandbox& sandbox, const Make& make);

 private:
  // Enough for the sandboxes that come to be at one time; each takes about 20 KiB.
  static constexpr std::size_t kCapacity = 32;

  struct Entry {
    std::size_t spec_hash = 0;
    std::shared_ptr<const RenderedSandbox> rendered;
  };

  Mutex mutex_;
  runtime::RecentMap<Entry> entries_ STOCKADE_GUARDED_BY(mutex_){kCapacity};  // by uid
};

}  // namespace stockade::sandbox_operator
