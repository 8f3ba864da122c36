#include "operator/mutated_pods.h"

#include <string_view>
#include <utility>
#include <vector>

#include "api/pod_view.h"
#include "base/strings.h"

namespace stockade::sandbox_operator {
namespace {

constexpr std::size_t kMostDifferences = 3;

std::map<std::string, std::string> ImagesByName(codec::JsonView pod) {
  std::map<std::string, std::string> images;
  api::PodView(pod, "").ForEachContainer([&images](const api::ContainerView& container) {
    images.emplace(container.name(), container.image());
  });
  return images;
}

std::string Quoted(std::string_view text) { return "\"" + Truncate(text, 80) + "\""; }

}  // namespace

void MutatedPods::Record(const std::string& sandbox_uid, Entry entry) {
  const MutexLock lock(mutex_);
  entries_.insert_or_assign(sandbox_uid, std::move(entry));
}

std::optional<MutatedPods::Entry> MutatedPods::Find(const std::string& sandbox_uid,
                                                    const std::string& spec_hash) const {
  const MutexLock lock(mutex_);
  const auto entry = entries_.find(sandbox_uid);
  if (entry == entries_.end() || entry->second.spec_hash != spec_hash) return std::nullopt;
  return entry->second;
}

void MutatedPods::Forget(const std::string& sandbox_uid) {
  const MutexLock lock(mutex_);
  entries_.erase(sandbox_uid);
}

std::string DescribeMutation(codec::JsonView rendered, codec::JsonView created) {
  const auto wanted = ImagesByName(rendered);
  const auto found = ImagesByName(created);
  std::vector<std::string> differences;
  for (const auto& [name, image] : found) {
    const auto expected = wanted.find(name);
    if (expected == wanted.end()) {
      differences.push_back("container " + Quoted(name) + " was added");
    } else if (expected->second != image) {
      differences.push_back("the image of " + Quoted(name) + " became " + Quoted(image));
    }
  }
  for (const auto& [name, image] : wanted) {
    if (!found.contains(name)) differences.push_back("container " + Quoted(name) + " was removed");
  }
  if (differences.empty()) {
    differences.emplace_back(
        "resources, tolerations, a deadline, the operator's annotations or the owner reference "
        "differ");
  }
  if (differences.size() > kMostDifferences) {
    differences.resize(kMostDifferences);
    differences.emplace_back("and more");
  }
  return Join(differences, ", ");
}

}  // namespace stockade::sandbox_operator
