#include "render/fingerprint.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/pod_view.h"
#include "api/quantity.h"
#include "base/digest.h"
#include "render/edit.h"

namespace stockade::render {
namespace {

using codec::Json;
using codec::JsonView;

std::string DigestOf(const Json& value) {
  return Sha256Hex(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

// The text that a pod's digest is made of; no two different states have the same. Written without
// a tree in between, because every event of every pod makes one.
class PodState {
 public:
  void Add(std::string_view value) {
    text_ += std::to_string(value.size());
    text_ += ':';
    text_ += value;
  }
  // A list or map begins with its name and ends with a mark that no value begins with.
  void Begin(std::string_view name) {
    text_ += name;
    text_ += '{';
  }
  void End() { text_ += '}'; }

  // Quantities by value; what is none by its text.
  void AddResources(std::string_view name, JsonView resource_list, bool without_pod_bound) {
    std::vector<std::pair<std::string_view, std::string>> values;
    resource_list.ForEachMember([&](std::string_view resource, JsonView value) {
      if (without_pod_bound && (resource == "cpu" || resource == "memory")) return;
      const auto quantity = api::Quantity::FromJson(value);
      values.emplace_back(resource, quantity.ok() ? quantity->ExactText() : value.Dump());
    });
    std::ranges::sort(values);
    Begin(name);
    for (const auto& [resource, value] : values) {
      Add(resource);
      Add(value);
    }
    End();
  }

  // Where the pod bounds its containers together, a LimitRange may still fill in theirs.
  void AddContainer(const api::ContainerView& container, bool bound_by_pod) {
    const JsonView resources = container["resources"];
    Begin(PositionName(container.position()));
    Add(container.name());
    Add(container.image());
    AddResources("requests", resources["requests"], bound_by_pod);
    AddResources("limits", resources["limits"], bound_by_pod);
    End();
  }

  [[nodiscard]] std::string Digest() const { return Sha256Hex(text_); }

 private:
  static std::string_view PositionName(api::ContainerPosition position) {
    if (position == api::ContainerPosition::kOrdinary) return "container";
    if (position == api::ContainerPosition::kEphemeral) return "ephemeralContainer";
    return "initContainer";
  }

  std::string text_;
};

bool ToleratesControlPlane(JsonView toleration) {
  const std::string_view key = toleration["key"].StringOrEmpty();
  return key.empty() || key == "node-role.kubernetes.io/control-plane" ||
         key == "node-role.kubernetes.io/master";
}

// Takes out what the API server leaves out on writing (Go's omitempty), at any depth: nulls and
// empty lists. An empty object stays, since an empty selector or rule means everything.
void DropEmptyLists(Json& value) {
  if (value.is_object()) {
    for (auto member = value.begin(); member != value.end();) {
      DropEmptyLists(*member);
      const bool empty_list = member->is_array() && member->empty();
      const bool empty_map =
          member.key() == "matchLabels" && member->is_object() && member->empty();
      const bool omitted = member->is_null() || empty_list || empty_map;
      member = omitted ? value.erase(member) : std::next(member);
    }
  } else if (value.is_array()) {
    for (Json& element : value) DropEmptyLists(element);
  }
}

// `fields` of an object, as far as they are set: neither null, false, "" nor empty.
template <std::size_t N>
Json Chosen(JsonView object, const std::array<std::string_view, N>& fields) {
  Json chosen = Json::object();
  for (const std::string_view field : fields) {
    const JsonView value = object[field];
    const bool zero = value.IsUnset() || value.AsBool() == false || value.AsString() == "" ||
                      ((value.IsArray() || value.IsObject()) && value.empty());
    if (!zero) chosen[std::string(field)] = value.ToJson();
  }
  return chosen;
}

constexpr std::array<std::string_view, 12> kServiceFields = {"type",
                                                             "clusterIP",
                                                             "selector",
                                                             "externalName",
                                                             "externalIPs",
                                                             "publishNotReadyAddresses",
                                                             "sessionAffinity",
                                                             "sessionAffinityConfig",
                                                             "internalTrafficPolicy",
                                                             "loadBalancerIP",
                                                             "loadBalancerSourceRanges",
                                                             "loadBalancerClass"};
constexpr std::array<std::string_view, 6> kServicePortFields = {
    "name", "port", "protocol", "targetPort", "appProtocol", "nodePort"};

}  // namespace

std::string PodFingerprint(JsonView pod) {
  const JsonView spec = pod["spec"];
  const bool bound_by_pod = !spec["resources"].IsUnset();
  PodState state;
  state.AddResources("podLimits", spec["resources"]["limits"], false);
  const JsonView deadline = spec["activeDeadlineSeconds"];
  state.Add(deadline.IsUnset() ? "" : deadline.Dump());
  api::PodView(pod, "").ForEachContainer(
      [&](const api::ContainerView& container) { state.AddContainer(container, bound_by_pod); });
  state.Begin("tolerations");
  spec["tolerations"].ForEachElement([&state](std::size_t, JsonView toleration) {
    if (ToleratesControlPlane(toleration)) state.Add(toleration.Canonical());
  });
  state.End();
  return state.Digest();
}

std::string NetworkPolicyFingerprint(JsonView policy) {
  Json spec = policy["spec"].ToJson();
  DropEmptyLists(spec);
  return DigestOf(spec);
}

std::string ServiceFingerprint(JsonView service) {
  const JsonView spec = service["spec"];
  Json state = Chosen(spec, kServiceFields);
  // Which one it is, is the API server's to choose.
  if (spec["clusterIP"].AsString() != "None") state.erase("clusterIP");
  state["ports"] = Json::array();
  spec["ports"].ForEachElement([&state](std::size_t, JsonView port) {
    state["ports"].push_back(Chosen(port, kServicePortFields));
  });
  return DigestOf(state);
}

std::string DeploymentFingerprint(JsonView deployment) {
  return DigestOf(deployment["spec"].ToJson());
}

std::string ConfigMapFingerprint(JsonView config_map) {
  return DigestOf(
      {{"data", config_map["data"].ToJson()}, {"binaryData", config_map["binaryData"].ToJson()}});
}

}  // namespace stockade::render
