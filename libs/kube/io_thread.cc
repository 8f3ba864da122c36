#include "kube/io_thread.h"

#include <exception>

namespace stockade::kube {

IoThread::IoThread() : impl_(std::make_unique<Impl>()) {
  impl_->thread = std::thread([&io = impl_->io] {
    for (;;) {
      try {
        io.run();
        return;
      } catch (const std::exception&) {
        // Watchers catch and report what their own steps throw (watcher.cc), so only a failure to
        // report can come here, out of memory; the other watches go on.
        continue;
      }
    }
  });
}

IoThread::~IoThread() {
  impl_->work.reset();
  impl_->io.stop();
  impl_->thread.join();
}

}  // namespace stockade::kube
