#include "render/fingerprint.h"

#include <array>
#include <string_view>

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

// Quantities by value; what is none by its text.
Json ValuesOf(JsonView resource_list, bool without_pod_bound) {
  Json values = Json::object();
  resource_list.ForEachMember([&](std::string_view name, JsonView value) {
    if (without_pod_bound && (name == "cpu" || name == "memory")) return;
    const auto quantity = api::Quantity::FromJson(value);
    values[std::string(name)] = quantity.ok() ? quantity->ExactText() : value.Dump();
  });
  return values;
}

// Where the pod bounds its containers together, a LimitRange may still fill in theirs.
Json ContainerState(const api::ContainerView& container, bool bound_by_pod) {
  const JsonView resources = container["resources"];
  return {{"name", container.name()},
          {"image", container.image()},
          {"requests", ValuesOf(resources["requests"], bound_by_pod)},
          {"limits", ValuesOf(resources["limits"], bound_by_pod)}};
}

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
  Json state = {{"podLimits", ValuesOf(spec["resources"]["limits"], false)},
                {"activeDeadlineSeconds", spec["activeDeadlineSeconds"].ToJson()},
                {"containers", Json::array()},
                {"initContainers", Json::array()},
                {"ephemeralContainers", Json::array()},
                {"tolerations", Json::array()}};
  api::PodView(pod, "").ForEachContainer([&](const api::ContainerView& container) {
    const char* list = "initContainers";
    if (container.position() == api::ContainerPosition::kOrdinary) list = "containers";
    if (container.position() == api::ContainerPosition::kEphemeral) list = "ephemeralContainers";
    state[list].push_back(ContainerState(container, bound_by_pod));
  });
  spec["tolerations"].ForEachElement([&state](std::size_t, JsonView toleration) {
    if (ToleratesControlPlane(toleration)) state["tolerations"].push_back(toleration.ToJson());
  });
  return DigestOf(state);
}

std::string NetworkPolicyFingerprint(JsonView policy) {
  Json spec = policy["spec"].ToJson();
  DropEmptyLists(spec);
  return DigestOf(spec);
}

std::string ServiceFingerprint(JsonView service) {
  const JsonView spec = service["spec"];
  Json state = Chosen(spec, kServiceFields);
  state["ports"] = Json::array();
  spec["ports"].ForEachElement([&state](std::size_t, JsonView port) {
    state["ports"].push_back(Chosen(port, kServicePortFields));
  });
  return DigestOf(state);
}

}  // namespace stockade::render
