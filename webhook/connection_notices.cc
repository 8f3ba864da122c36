#include "webhook/connection_notices.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "api/names.h"

namespace stockade::webhook {
namespace {

struct Entry {
  std::string_view sub_resource;
  std::string_view what;
};

constexpr std::array<Entry, 3> kEntries = {{
    {"exec", "an exec"},
    {"attach", "an attach"},
    {"portforward", "a port-forward"},
}};

}  // namespace

void ConnectionNotices::Note(const AdmissionRequest& request, const AdmissionResponse& answer) {
  if (!answer.allowed || request.dry_run || request.operation != Operation::kConnect ||
      request.resource != "pods" || !request.name.starts_with(api::kSandboxObjectPrefix)) {
    return;
  }
  const auto* const entry = std::ranges::find(kEntries, request.sub_resource, &Entry::sub_resource);
  if (entry == kEntries.end()) return;
  const std::string_view sandbox = request.name.substr(api::kSandboxObjectPrefix.size());
  const std::string uid = view_.UidOfIdling(request.namespace_name, sandbox);
  if (uid.empty() || !IsDue(uid)) return;
  runtime::Event event;
  event.regarding = {std::string(api::kGroupVersion),
                     std::string(api::kAgentSandboxKind),
                     std::string(request.namespace_name),
                     std::string(sandbox),
                     uid,
                     ""};
  event.reason = api::kConnectedReason;
  event.action = "Connect";
  event.note = std::string(entry->what) + " by " + std::string(request.user_name) +
               " begins: the sandbox is in use";
  tell_(std::move(event));
}

bool ConnectionNotices::IsDue(const std::string& uid) {
  const auto now = clock_.SinceBoot();
  const MutexLock lock(mutex_);
  if (std::chrono::nanoseconds* const last = told_.Touch(uid)) {
    if (now - *last < kPause) return false;
    *last = now;
  } else {
    told_.Add(uid, now);
  }
  return true;
}

}  // namespace stockade::webhook
