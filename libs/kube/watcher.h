#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/status.h"
#include "codec/json.h"
#include "kube/connection_config.h"
#include "kube/resource.h"

namespace stockade::kube {

// One thread with one event loop on which any number of watches run. Destroying it stops the loop
// and joins the thread; its watchers must have been destroyed before.
class IoThread {
 public:
  IoThread();
  ~IoThread();
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;

  struct Impl;
  [[nodiscard]] Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

// Takes what a watcher sees. All calls come from the IoThread, one at a time, in order. Views are
// valid during the call only.
class WatchHandler {
 public:
  virtual ~WatchHandler() = default;

  // A complete list begins: the objects that follow until OnListEnd are all there are.
  virtual void OnListStart() = 0;
  // The API server leaves apiVersion and kind out of the items of a list of built-in types.
  virtual void OnListItem(codec::JsonView object) = 0;
  // The list is complete, as of `resource_version`.
  virtual void OnListEnd(std::string_view resource_version) = 0;
  // A list begun did not complete; what it brought is void and another OnListStart follows.
  virtual void OnListAborted() = 0;

  virtual void OnAdded(codec::JsonView object) = 0;
  virtual void OnModified(codec::JsonView object) = 0;
  virtual void OnDeleted(codec::JsonView object) = 0;

  // Something failed; the watcher goes on by itself after a pause. For logs and metrics.
  virtual void OnError(const Status& status) = 0;
};

// How long a watcher waits for what.
struct WatchTimings {
  std::chrono::milliseconds first_pause{800};  // after a failure, doubling up to longest_pause
  std::chrono::milliseconds longest_pause = std::chrono::seconds(30);
  // For connecting, the TLS handshake and the first bytes of an answer.
  std::chrono::milliseconds answer_timeout = std::chrono::seconds(30);
  // For a whole page of a list, or from one object of a streamed list to the next.
  std::chrono::milliseconds page_timeout = std::chrono::seconds(60);
  // The server is asked to end a watch after a random time between these.
  std::chrono::seconds shortest_watch{300};
  std::chrono::seconds longest_watch{600};
  // A watch that is silent, even of bookmarks, for longer than its time and this much is dead.
  std::chrono::milliseconds silence_allowed = std::chrono::seconds(30);
};

struct WatchOptions {
  std::string namespace_name;  // empty: all namespaces
  std::string label_selector;
  std::string field_selector;
  // Ask for lists as the beginning of a watch (KEP-3157), which costs the server far less memory;
  // one that cannot do that is asked for pages.
  bool stream_lists = true;
  std::int64_t page_size = 500;
  WatchTimings timings;
  std::uint64_t random_seed = 0;       // of pauses and watch times; 0: from the system
  std::shared_ptr<const Clock> clock;  // ages the bearer token that was read; null: the system's
};

// Lists a resource, as a stream or page by page, then watches it from the list's resourceVersion,
// for ever: a watch that ends is resumed from the last resourceVersion seen (bookmarks included)
// without listing again; 410 Gone, as answer or as event, lists anew. Failures pause with jittered
// exponential backoff. At most one request is under way, and data is read only as fast as the
// handler takes it. Start and the destructor may be called from any thread but the IoThread; after
// the destructor returns the handler is not called again.
class Watcher {
 public:
  Watcher(IoThread& io, std::shared_ptr<const ConnectionConfig> config, const Resource& resource,
          WatchOptions options, WatchHandler& handler);
  ~Watcher();
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  void Start();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace stockade::kube
