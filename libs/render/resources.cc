#include "render/resources.h"

#include <set>
#include <string>
#include <string_view>

#include "render/edit.h"

namespace stockade::render {
namespace {

using codec::Json;

// Of two quantities the larger or the smaller; the first when either is none.
Json Larger(const Json& a, const Json& b) {
  const auto first = ReadQuantity(a);
  const auto second = ReadQuantity(b);
  return first.ok() && second.ok() && *second > *first ? b : a;
}
Json Smaller(const Json& a, const Json& b) {
  const auto first = ReadQuantity(a);
  const auto second = ReadQuantity(b);
  return first.ok() && second.ok() && *second < *first ? b : a;
}

Json DefaultFor(const std::map<std::string, std::string>& defaults, const std::string& name) {
  const auto value = defaults.find(name);
  return value == defaults.end() ? Json() : Json(value->second);
}

bool BoundByPod(const Json& pod_resources, const std::string& name) {
  return !Member(Member(pod_resources, "limits"), name.c_str()).is_null() ||
         !Member(Member(pod_resources, "requests"), name.c_str()).is_null();
}

void FillOne(Json& requests, Json& limits, const std::string& name, const Profile& profile) {
  const Json default_limit = DefaultFor(profile.default_limits, name);
  const Json default_request = DefaultFor(profile.default_requests, name);
  const bool has_limit = limits.contains(name);
  const bool has_request = requests.contains(name);
  if (!has_limit && !default_limit.is_null()) {
    limits[name] = has_request ? Larger(default_limit, requests[name]) : default_limit;
  }
  if (!has_request && !default_request.is_null()) {
    requests[name] =
        limits.contains(name) ? Smaller(default_request, limits[name]) : default_request;
  }
}

}  // namespace

void FillResources(Json& resources, const Profile& profile, const Json& pod_resources) {
  Json& requests = ObjectMember(resources, "requests");
  Json& limits = ObjectMember(resources, "limits");
  std::set<std::string> names;
  for (const auto& [name, value] : profile.default_requests) names.insert(name);
  for (const auto& [name, value] : profile.default_limits) names.insert(name);
  for (const std::string& name : names) {
    if (!BoundByPod(pod_resources, name)) FillOne(requests, limits, name, profile);
  }
  // The API server's own default for every other resource.
  for (const auto& [name, limit] : limits.items()) {
    if (!requests.contains(name)) requests[name] = limit;
  }
  CanonicalizeResourceList(requests);
  CanonicalizeResourceList(limits);
}

void FillPodResources(Json& resources, const Profile& profile) {
  if (Json* requests = MutableObject(resources, "requests")) {
    Json& limits = ObjectMember(resources, "limits");
    for (const auto& [name, request] : requests->items()) {
      const Json default_limit = DefaultFor(profile.default_limits, name);
      if (!limits.contains(name) && !default_limit.is_null()) {
        limits[name] = Larger(default_limit, request);
      }
    }
    CanonicalizeResourceList(*requests);
  }
  if (Json* limits = MutableObject(resources, "limits")) CanonicalizeResourceList(*limits);
}

}  // namespace stockade::render
