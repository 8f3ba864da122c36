#include "cli/convert_mounts.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "cli/json_edit.h"
#include "policy/quoting.h"
#include "render/edit.h"

namespace stockade::cli {
namespace {

using codec::Json;
using render::Member;
using render::MutableArray;
using render::MutableObject;
using render::StringMember;

constexpr std::string_view kPodSpec = "spec.podTemplate.spec";
constexpr std::size_t kMaxNameBytes = 63;
constexpr std::size_t kMaxMounts = 32;  // that the schema takes

// One volumeMount of a claim.
struct Use {
  Json* mount;
  std::string field;  // where it stands
  std::string container;
  std::string path;  // in the form that spec.mounts takes
  bool read_only;
  bool sub_path;
};

// A claim by the name under which containers mount it.
struct Claim {
  std::string name;
  bool is_template = false;
  Json* volume = nullptr;  // of a claim that the author manages
  std::vector<Use> uses = {};
};

// Without a "/" at the end and without empty segments; spec.mounts takes one form of a path.
std::string ShortestPath(std::string_view path) {
  std::string shortest;
  for (const std::string_view segment : Split(path, '/')) {
    if (!segment.empty()) shortest += "/" + std::string(segment);
  }
  return path.starts_with('/') && !shortest.empty() ? shortest : std::string(path);
}

bool IsTrue(const Json& value) { return value.is_boolean() && value.get<bool>(); }

class Mover {
 public:
  Mover(Json& spec, Json& pod, Account& account) : spec_(spec), pod_(pod), account_(account) {}

  void Run() {
    CollectClaims();
    CollectUses();
    for (auto& [name, claim] : claims_) {
      if (IsToMove(claim)) Move(claim);
    }
  }

 private:
  void CollectClaims() {
    if (Json* templates = MutableArray(spec_, "volumeClaimTemplates")) {
      for (const Json& entry : *templates) {
        const std::string name(StringMember(Member(entry, "metadata"), "name"));
        if (!name.empty()) claims_.insert_or_assign(name, Claim{.name = name, .is_template = true});
      }
    }
    Json* volumes = MutableArray(pod_, "volumes");
    if (volumes == nullptr) return;
    for (std::size_t i = 0; i < volumes->size(); ++i) {
      Json& volume = (*volumes)[i];
      const std::string name(StringMember(volume, "name"));
      if (const auto found = claims_.find(name); found != claims_.end()) {
        // Claims of templates take the place of such volumes in agent-sandbox; two volumes of one
        // name are nobody's intent.
        if (found->second.is_template) DropReplaced(volume, i);
        continue;
      }
      const Json& source = Member(volume, "persistentVolumeClaim");
      if (name.empty() || !source.is_object() || IsTrue(Member(source, "readOnly"))) continue;
      if (StringMember(source, "claimName").empty()) continue;
      claims_.insert_or_assign(name, Claim{.name = name, .volume = &volume});
    }
  }

  void DropReplaced(Json& volume, std::size_t index) {
    const std::string field = std::string(kPodSpec) + ".volumes[" + std::to_string(index) + "]";
    account_.left_out.push_back(
        {field, "volume " + policy::Quote(StringMember(volume, "name")),
         "the volumeClaimTemplate of that name takes its place, in agent-sandbox too"});
    MarkRemoved(volume);
  }

  void CollectUses() {
    for (const char* list : {"initContainers", "containers", "ephemeralContainers"}) {
      Json* containers = MutableArray(pod_, list);
      if (containers == nullptr) continue;
      containers_ += containers->size();
      for (std::size_t i = 0; i < containers->size(); ++i) {
        Json* mounts = MutableArray((*containers)[i], "volumeMounts");
        if (mounts == nullptr) continue;
        const std::string path = std::string(kPodSpec) + "." + list + "[" + std::to_string(i) + "]";
        for (std::size_t j = 0; j < mounts->size(); ++j) {
          Json& mount = (*mounts)[j];
          const auto claim = claims_.find(std::string(StringMember(mount, "name")));
          if (claim == claims_.end()) continue;
          claim->second.uses.push_back({.mount = &mount,
                                        .field = path + ".volumeMounts[" + std::to_string(j) + "]",
                                        .container = path,
                                        .path = ShortestPath(StringMember(mount, "mountPath")),
                                        .read_only = IsTrue(Member(mount, "readOnly")),
                                        .sub_path = !StringMember(mount, "subPath").empty() ||
                                                    !StringMember(mount, "subPathExpr").empty()});
        }
      }
    }
  }

  bool IsToMove(const Claim& claim) {
    const bool written = std::ranges::any_of(claim.uses, [](const Use& u) { return !u.read_only; });
    if (claim.uses.empty() || (!claim.is_template && !written)) return false;
    std::map<std::string, bool> read_only;
    for (const Use& use : claim.uses) {
      if (use.sub_path) {
        Ask(use,
            "a mount of spec.mounts has no subPath: mount the whole claim, or give each part "
            "a claim of its own");
        return false;
      }
      const auto [first, is_new] = read_only.emplace(use.path, use.read_only);
      if (!is_new && first->second != use.read_only) {
        Ask(use,
            "a mount of spec.mounts has the same access in every container, and here they "
            "differ: make it readOnly in all of them or in none");
        return false;
      }
    }
    if (read_only.size() <= kMaxMounts) return true;
    Ask(claim.uses.front(), "spec.mounts has at most 32 entries: mount the claim at fewer paths");
    return false;
  }

  void Ask(const Use& use, std::string message) {
    account_.concerns.push_back({.field = use.field, .message = std::move(message)});
  }

  void Move(Claim& claim) {
    Json& mounts = spec_["mounts"];
    if (!mounts.is_array()) mounts = Json::array();
    std::map<std::string, std::set<std::string>> containers_by_path;
    for (const Use& use : claim.uses) containers_by_path[use.path].insert(use.container);
    std::map<std::string, std::string> entries;  // "spec.mounts[0]" by path
    for (const Use& use : claim.uses) {
      const auto [entry, is_new] =
          entries.emplace(use.path, "spec.mounts[" + std::to_string(mounts.size()) + "]");
      if (is_new) mounts.push_back(EntryOf(claim, use, /*first=*/entries.size() == 1));
      std::string why = use.read_only ? "claims of templates are mounted by spec.mounts"
                                      : "only spec.mounts makes a claim writable";
      if (containers_by_path[use.path].size() < containers_) {
        why += "; a mount appears in every container";
      }
      account_.moved.push_back({.field = use.field,
                                .from = "volumeMount " + policy::Quote(claim.name),
                                .to = entry->second,
                                .code = use.read_only ? "" : "WritableMount",
                                .why = std::move(why)});
      MarkRemoved(*use.mount);
    }
    if (claim.volume != nullptr) MarkRemoved(*claim.volume);
  }

  Json EntryOf(const Claim& claim, const Use& use, bool first) {
    Json entry = {{"name", first ? claim.name : FreeName(claim.name)},
                  {"mountPath", use.path},
                  {"access", use.read_only ? "ReadOnly" : "Persistent"}};
    if (claim.is_template) {
      entry["volumeClaimTemplate"] = {{"name", claim.name}};
    } else {
      entry["persistentVolumeClaim"] = {
          {"claimName", Member(Member(*claim.volume, "persistentVolumeClaim"), "claimName")}};
    }
    return entry;
  }

  // A name for a further mount of the same claim, at another path.
  std::string FreeName(const std::string& name) {
    std::set<std::string> taken;
    for (const char* list : {"mounts", "volumes"}) {
      const Json& entries = Member(list == std::string_view("mounts") ? spec_ : pod_, list);
      for (const Json& entry : entries) taken.emplace(StringMember(entry, "name"));
    }
    for (std::size_t i = 2;; ++i) {
      const std::string suffix = "-" + std::to_string(i);
      std::string free = name.substr(0, kMaxNameBytes - suffix.size()) + suffix;
      if (!taken.contains(free) && !claims_.contains(free)) return free;
    }
  }

  Json& spec_;
  Json& pod_;
  Account& account_;
  std::map<std::string, Claim> claims_;
  std::size_t containers_ = 0;
};

}  // namespace

void MoveClaimMounts(Json& sandbox, Account& account) {
  Json* spec = MutableObject(sandbox, "spec");
  Json* pod = FindField(sandbox, kPodSpec);
  if (spec == nullptr || pod == nullptr || !pod->is_object()) return;
  Mover(*spec, *pod, account).Run();
  Sweep(sandbox);
}

}  // namespace stockade::cli
