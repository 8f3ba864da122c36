#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "codec/json.h"
#include "kube/resource.h"
#include "kube/transport.h"

namespace stockade::kube {

struct ListOptions {
  std::string namespace_name;  // empty: all namespaces
  std::string label_selector;
  std::string field_selector;
  std::int64_t limit = 500;  // objects a page
};

struct DeleteOptions {
  std::string uid;               // precondition; empty for none
  std::string resource_version;  // precondition; empty for none
  std::optional<std::int64_t> grace_period_seconds;
  std::string propagation_policy;  // "Background", "Foreground", "Orphan", or the server's default
};

// Whom the API server records as the author of what is written.
inline constexpr std::string_view kFieldManager = "stockade";

enum class PatchType { kMerge, kJson, kStrategicMerge, kApply };

// The Kubernetes API as this project uses it. Answers are parsed documents. An answer that is no
// success becomes the Status that its metav1.Status body describes: code by HTTP status and reason,
// message and reason as the server gave them, retry_after where sent. Knows no custom resource.
// Safe to call from several threads at once; every call blocks for at most its deadline.
class Client {
 public:
  // Every call gives up after `deadline`.
  explicit Client(std::unique_ptr<Transport> transport,
                  std::chrono::milliseconds deadline = std::chrono::seconds(30));

  Result<codec::JsonDocument> Get(const Resource& resource, std::string_view namespace_name,
                                  std::string_view name);
  // Calls `visit` for each object, page by page. An expired continue token ends in Gone; the caller
  // starts again. Returns the list's resourceVersion.
  Result<std::string> List(const Resource& resource, const ListOptions& options,
                           const std::function<void(codec::JsonView object)>& visit);
  // `subresource` is empty, or "status", "eviction" and so on, below the named object.
  // All writes ask for strict field validation.
  Result<codec::JsonDocument> Create(const Resource& resource, std::string_view namespace_name,
                                     const codec::Json& object);
  // Replaces the object; its metadata must carry the resourceVersion it was read at.
  Result<codec::JsonDocument> Update(const Resource& resource, std::string_view namespace_name,
                                     std::string_view name, const codec::Json& object,
                                     std::string_view subresource = {});
  Result<codec::JsonDocument> Patch(const Resource& resource, std::string_view namespace_name,
                                    std::string_view name, PatchType type, const codec::Json& patch,
                                    std::string_view subresource = {},
                                    std::string_view field_manager = kFieldManager);
  // The answer is the object as it is being deleted, or a Status object when it is gone already.
  Result<codec::JsonDocument> Delete(const Resource& resource, std::string_view namespace_name,
                                     std::string_view name, const DeleteOptions& options);
  // Any path, for discovery and health: GET `target`, the parsed answer.
  Result<codec::JsonDocument> GetRaw(std::string_view target);
  // The same of what is no JSON, such as the log of a pod.
  Result<std::string> GetText(std::string_view target);

 private:
  Result<std::string> ExchangeText(HttpRequest request);
  Result<codec::JsonDocument> Exchange(HttpRequest request);

  const std::unique_ptr<Transport> transport_;
  const std::chrono::milliseconds deadline_;
};

// "/api/v1/namespaces/a/pods/b/status", each segment percent-encoded. `namespace_name` and below
// may be empty.
std::string ResourcePath(const Resource& resource, std::string_view namespace_name,
                         std::string_view name = {}, std::string_view subresource = {});

// The Status for an answer that is no success: exposed for the watcher and for tests.
Status StatusFromResponse(const HttpResponse& response);
// The Status that a metav1.Status object describes, for ERROR events of a watch.
Status StatusFromObject(codec::JsonView status);

}  // namespace stockade::kube
