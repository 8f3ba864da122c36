#pragma once

#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "codec/json.h"

// Requests and what the guards say of them.
namespace stockade::webhook {

// Cases are copied when they are listed, which each test's process does for all: the review is not.
class SharedReview {
 public:
  SharedReview(codec::Json review)  // NOLINT(google-explicit-constructor): tables of cases
      : review_(std::make_shared<const codec::Json>(std::move(review))) {}
  const codec::Json& operator*() const { return *review_; }

 private:
  std::shared_ptr<const codec::Json> review_;
};

struct GuardCase {
  const char* name;
  SharedReview review;
  // "Code field" of each finding, in order; empty where the request is allowed.
  std::vector<std::string> findings = {};
};
std::ostream& operator<<(std::ostream& out, const GuardCase& test);

// One function for each file of cases.
std::vector<GuardCase> PodCases();
std::vector<GuardCase> PodUpdateCases();
std::vector<GuardCase> ConnectCases();
std::vector<GuardCase> OwnedObjectCases();
std::vector<GuardCase> GatewayCases();
std::vector<GuardCase> NetworkPolicyCases();
std::vector<GuardCase> RuntimeClassCases();
std::vector<GuardCase> AllGuardCases();

// Who asks: name and groups as the API server sends them.
codec::Json User(const std::string& name, std::vector<std::string> groups = {});
codec::Json ServiceAccount(const std::string& namespace_name, const std::string& name);
codec::Json Operator();
codec::Json Admin();
codec::Json Node(const std::string& name);
codec::Json Controller(const std::string& name);

// What is asked for, as "pods", "pods/exec", "networking.k8s.io/networkpolicies".
struct Target {
  std::string operation;
  std::string resource;
  std::string kind;
};
// A review in the namespace "team", of the object's name.
codec::Json Review(const Target& target, const codec::Json& user, const codec::Json& object,
                   const codec::Json& old_object = nullptr);

// The pod of the sandbox "agent" as the operator makes it, running on node-1.
codec::Json SandboxPod();
// A pod of somebody else, without a label.
codec::Json OtherPod();
// `object` with one change, by a JSON pointer: With(pod, "/spec/hostNetwork", true).
codec::Json With(codec::Json object, const std::string& pointer, codec::Json value);
// `object` with its labels and annotations merged.
codec::Json Labelled(codec::Json object, const std::string& key, codec::Json value);
codec::Json Annotated(codec::Json object, const std::string& key, codec::Json value);

}  // namespace stockade::webhook
