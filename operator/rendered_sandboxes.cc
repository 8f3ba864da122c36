#include "operator/rendered_sandboxes.h"

namespace stockade::sandbox_operator {

std::shared_ptr<const RenderedSandbox> RenderedSandboxes::Get(const CachedSandbox& sandbox,
                                                              const Make& make) {
  {
    const MutexLock lock(mutex_);
    const Entry* known = entries_.Touch(sandbox.uid);
    if (known != nullptr && known->spec_hash == sandbox.spec_hash) return known->rendered;
  }
  // Without the lock: other sandboxes are rendered at the same time, never this one.
  Entry made{sandbox.spec_hash, std::make_shared<const RenderedSandbox>(make())};
  const MutexLock lock(mutex_);
  if (Entry* known = entries_.Touch(sandbox.uid)) {
    *known = made;
  } else {
    entries_.Add(sandbox.uid, made);
  }
  return made.rendered;
}

}  // namespace stockade::sandbox_operator
