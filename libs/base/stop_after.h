#pragma once

#include <chrono>
#include <stop_token>
#include <thread>
#include <utility>

#include "base/sleep.h"

namespace stockade {

// Requests a stop of `source` after `delay`, unless it is destroyed before. The source's callbacks
// run on a thread of this object's own; destroying it waits for those that run.
class StopAfter {
 public:
  StopAfter(std::stop_source source, std::chrono::nanoseconds delay)
      : thread_([source = std::move(source), delay](const std::stop_token& destroyed) mutable {
          if (SleepUnlessStopped(destroyed, delay)) source.request_stop();
        }) {}

 private:
  std::jthread thread_;
};

}  // namespace stockade
