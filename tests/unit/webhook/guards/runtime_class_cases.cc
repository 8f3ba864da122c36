#include "guard_case.h"

// RuntimeClasses.
namespace stockade::webhook {
namespace {

using codec::Json;

Json Class(const char* name) {
  return {{"apiVersion", "node.k8s.io/v1"},
          {"kind", "RuntimeClass"},
          {"metadata", {{"name", name}}},
          {"handler", "runsc"}};
}

Json Ask(const char* operation, const Json& object, const Json& old_object) {
  Json review = Review({operation, "node.k8s.io/runtimeclasses", "RuntimeClass"}, Admin(), object,
                       old_object);
  review["request"].erase("namespace");
  return review;
}

}  // namespace

std::vector<GuardCase> RuntimeClassCases() {
  const std::string in_use = "RuntimeClassInUse ";
  // The API server leaves the name out.
  Json collection = Ask("DELETE", nullptr, Class("gvisor"));
  collection["request"].erase("name");
  const Json scheduled = With(Class("gvisor"), "/scheduling/nodeSelector", {{"a", "b"}});
  return {
      {"RuntimeClass in use deleted",
       Ask("DELETE", nullptr, Class("gvisor")),
       {in_use + "metadata.name"}},
      {"RuntimeClass in use deleted with the whole collection",
       collection,
       {in_use + "metadata.name"}},
      {"RuntimeClass in use scheduled elsewhere",
       Ask("UPDATE", scheduled, Class("gvisor")),
       {in_use + "scheduling"}},
      {"RuntimeClass in use given another handler",
       Ask("UPDATE", With(Class("gvisor"), "/handler", "runc"), Class("gvisor")),
       {in_use + "handler"}},
      {"RuntimeClass in use labelled",
       Ask("UPDATE", Labelled(Class("gvisor"), "a", "b"), Class("gvisor"))},
      {"RuntimeClass that nobody uses deleted", Ask("DELETE", nullptr, Class("kata"))},
  };
}

}  // namespace stockade::webhook
