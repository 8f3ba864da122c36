#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/status.h"
#include "codec/json.h"
#include "kube/resource_version.h"
#include "kube/watcher.h"
#include "runtime/store.h"

namespace stockade::runtime {

// The number in metadata.resourceVersion; 0 when it is none.
[[nodiscard]] inline std::uint64_t VersionOf(codec::JsonView metadata) {
  return kube::ParseResourceVersion(metadata["resourceVersion"].StringOrEmpty()).value_or(0);
}

// Fills what every cached object has from an object's metadata.
inline void DecodeCachedObject(codec::JsonView object, CachedObject& out) {
  const codec::JsonView metadata = object["metadata"];
  out.key.namespace_name = metadata["namespace"].StringOrEmpty();
  out.key.name = metadata["name"].StringOrEmpty();
  out.uid = metadata["uid"].StringOrEmpty();
  out.resource_version = VersionOf(metadata);
}

// What a controller waits for before its first reconcile.
class Synced {
 public:
  virtual ~Synced() = default;
  // True from the first complete list on.
  [[nodiscard]] virtual bool HasSynced() const = 0;
  [[nodiscard]] virtual std::string_view name() const = 0;
};

// Keeps a Store equal to the API server's objects of one kind, of the whole cluster or of certain
// namespaces: the handler of a Watcher, or of one for each namespace, that decodes each object to
// the few fields that T holds. Handlers are called after the store has changed, on the IoThread,
// and should only enqueue. Set up before Start, then used from any thread.
template <typename T>
class Informer final : public Synced {
 public:
  // Turns an object into T. An object that cannot be decoded is logged and treated as absent.
  using Decode = std::function<Result<T>(codec::JsonView)>;
  using Handler = std::function<void(const typename Store<T>::Change&)>;

  Informer(const kube::Resource& resource, Decode decode, Logger& logger)
      : resource_(resource), decode_(std::move(decode)), logger_(logger) {}

  void AddHandler(Handler handler) { handlers_.push_back(std::move(handler)); }

  void Start(kube::IoThread& io, const std::shared_ptr<const kube::ConnectionConfig>& config,
             const kube::WatchOptions& options) {
    Start(io, config, options, {});
  }
  // As above, with one watch for each of `namespaces`; with one for all where there are none, or
  // where the kind is in no namespace. It has synced when all of them have.
  void Start(kube::IoThread& io, const std::shared_ptr<const kube::ConnectionConfig>& config,
             const kube::WatchOptions& options, const std::vector<std::string>& namespaces) {
    if (namespaces.empty() || !resource_.namespaced) {
      parts_.push_back(std::make_unique<Part>(*this, std::string()));
    }
    for (const std::string& name : namespaces) {
      if (resource_.namespaced) parts_.push_back(std::make_unique<Part>(*this, name));
    }
    unsynced_.store(parts_.size());
    for (const auto& part : parts_) part->Start(io, config, options);
  }
  // After this no handler is called any more. Not from the IoThread.
  void Stop() {
    for (const auto& part : parts_) part->Stop();
  }

  [[nodiscard]] Store<T>& store() { return store_; }
  [[nodiscard]] const Store<T>& store() const { return store_; }
  [[nodiscard]] bool HasSynced() const override { return unsynced_.load() == 0; }
  [[nodiscard]] std::string_view name() const override { return resource_.plural; }

 private:
  // What one watch sees: the objects of one namespace, or all of them where its name is empty.
  class Part final : private kube::WatchHandler {
   public:
    Part(Informer& whole, std::string namespace_name)
        : whole_(whole), namespace_name_(std::move(namespace_name)) {}

    void Start(kube::IoThread& io, const std::shared_ptr<const kube::ConnectionConfig>& config,
               kube::WatchOptions options) {
      if (!namespace_name_.empty()) options.namespace_name = namespace_name_;
      watcher_ = std::make_unique<kube::Watcher>(io, config, whole_.resource_, std::move(options),
                                                 static_cast<kube::WatchHandler&>(*this));
      watcher_->Start();
    }
    void Stop() { watcher_.reset(); }

   private:
    void OnListStart() override { listed_.clear(); }
    void OnListItem(codec::JsonView object) override {
      if (auto decoded = whole_.DecodeObject(object)) listed_.push_back(std::move(*decoded));
    }
    void OnListEnd(std::string_view resource_version) override {
      // Lists are never older than what was seen, unless the server's data was replaced.
      const std::uint64_t version = kube::ParseResourceVersion(resource_version).value_or(0);
      const auto changes =
          whole_.store_.Replace(std::move(listed_), version, version < seen_, namespace_name_);
      listed_.clear();
      seen_ = version;
      if (!std::exchange(synced_, true)) --whole_.unsynced_;
      for (const auto& change : changes) whole_.Notify(change);
    }
    void OnListAborted() override { listed_.clear(); }

    void OnAdded(codec::JsonView object) override { OnModified(object); }
    void OnModified(codec::JsonView object) override {
      See(object);
      // Every write of our own comes back as an event that tells nothing new.
      CachedObject version;
      DecodeCachedObject(object, version);
      if (whole_.store_.Knows(version)) return;
      if (auto decoded = whole_.DecodeObject(object)) {
        whole_.Notify(whole_.store_.Apply(std::move(*decoded)));
      } else {
        OnDeleted(object);
      }
    }
    void OnDeleted(codec::JsonView object) override {
      See(object);
      CachedObject removed;
      DecodeCachedObject(object, removed);
      whole_.Notify(whole_.store_.Remove(removed.key, removed.uid, removed.resource_version));
    }
    void OnError(const Status& status) override {
      whole_.logger_.Warning("watch reported an error, goes on",
                             {{"resource", whole_.resource_.plural},
                              {"namespace", namespace_name_},
                              {"error", status.ToString()}});
    }

    void See(codec::JsonView object) { seen_ = std::max(seen_, VersionOf(object["metadata"])); }

    Informer& whole_;
    const std::string namespace_name_;
    // All of these only on the IoThread.
    std::vector<T> listed_;   // of a list under way
    std::uint64_t seen_ = 0;  // the newest resourceVersion of lists and events
    bool synced_ = false;
    std::unique_ptr<kube::Watcher> watcher_;
  };

  std::optional<T> DecodeObject(codec::JsonView object) {
    Result<T> decoded = decode_(object);
    if (decoded.ok()) return std::move(decoded).value();
    logger_.Error("object cannot be decoded and is ignored",
                  {{"resource", resource_.plural},
                   {"namespace", object["metadata"]["namespace"].StringOrEmpty()},
                   {"name", object["metadata"]["name"].StringOrEmpty()},
                   {"error", decoded.status().message()}});
    return std::nullopt;
  }

  void Notify(const typename Store<T>::Change& change) {
    if (!change) return;
    for (const Handler& handler : handlers_) handler(change);
  }

  const kube::Resource resource_;
  const Decode decode_;
  Logger& logger_;
  std::vector<Handler> handlers_;
  Store<T> store_;
  std::atomic<std::size_t> unsynced_ = 1;  // watches without a complete list; 1 before the start
  std::vector<std::unique_ptr<Part>> parts_;
};

}  // namespace stockade::runtime
