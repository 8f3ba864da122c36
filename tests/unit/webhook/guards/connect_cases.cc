#include "guard_case.h"

// Streams into pods, and the API server's proxy to them.
namespace stockade::webhook {
namespace {

using codec::Json;

Json Connect(const char* part, const std::string& name, const Json& user, const Json& options) {
  Json object = options;
  object["kind"] = "PodExecOptions";
  Json review = Review({"CONNECT", part, "PodExecOptions"}, user, object);
  review["request"]["name"] = name;
  return review;
}

Json Exec(const std::string& pod, const char* container, const char* part = "pods/exec") {
  return Connect(part, pod, User("alice"), {{"container", container}, {"command", {"sh"}}});
}

Json Forward(const std::string& pod) {
  return Connect("pods/portforward", pod, User("alice"), {{"ports", {8080}}});
}

Json Proxy(const char* resource, const std::string& name, const Json& user = User("alice")) {
  return Connect(resource, name, user, {{"path", "/"}});
}

}  // namespace

std::vector<GuardCase> ConnectCases() {
  const std::string into_proxy = "ExecIntoProxy container";
  const std::string no_exec = "ExecForbidden spec.access.exec";
  const std::string no_attach = "ExecForbidden spec.access.attach";
  const std::string no_forward = "PortForward spec.access.portForward";
  const std::string into_gateway = "ExecIntoProxy name";
  const std::string proxied = "ProxySubresource name";
  return {
      {"exec into the agent", Exec("asb-agent", "agent")},
      {"exec with the container left out", Exec("asb-agent", "")},
      {"exec into the proxy", Exec("asb-agent", "stockade-proxy"), {into_proxy}},
      {"exec into the proxy by the operator",
       Connect("pods/exec", "asb-agent", Operator(), {{"container", "stockade-proxy"}}),
       {into_proxy}},
      {"exec into the proxy by an administrator",
       Connect("pods/exec", "asb-agent", Admin(), {{"container", "stockade-canary"}}),
       {into_proxy}},
      {"exec where it is denied", Exec("asb-closed", "agent"), {no_exec}},
      {"exec into the proxy where it is denied",
       Exec("asb-closed", "stockade-proxy"),
       {into_proxy, no_exec}},
      // Its pod may still run.
      {"exec where the sandbox is gone", Exec("asb-gone", "agent"), {no_exec}},
      {"attach where the sandbox is gone", Exec("asb-gone", "agent", "pods/attach"), {no_attach}},
      {"exec into the proxy where the sandbox is gone",
       Exec("asb-gone", "stockade-proxy"),
       {into_proxy, no_exec}},
      {"exec into another pod", Exec("web", "stockade-like")},
      {"attach", Exec("asb-agent", "agent", "pods/attach")},
      {"attach to the proxy", Exec("asb-agent", "stockade-proxy", "pods/attach"), {into_proxy}},
      {"attach where it is denied", Exec("asb-closed", "agent", "pods/attach"), {no_attach}},
      {"port-forward", Forward("asb-agent"), {no_forward}},
      {"port-forward where it is allowed", Forward("asb-open")},
      {"port-forward where the sandbox is gone", Forward("asb-gone"), {no_forward}},
      {"port-forward by an administrator",
       Connect("pods/portforward", "asb-agent", Admin(), Json::object()),
       {no_forward}},
      {"port-forward to another pod", Forward("web")},
      {"proxy to a pod", Proxy("pods/proxy", "asb-agent"), {proxied}},
      {"proxy to a port of a pod", Proxy("pods/proxy", "asb-agent:8080"), {proxied}},
      {"proxy to a pod by https", Proxy("pods/proxy", "https:asb-agent:8443"), {proxied}},
      {"proxy to a pod by no scheme", Proxy("pods/proxy", ":asb-agent:"), {proxied}},
      {"proxy to a Service", Proxy("services/proxy", "asb-agent"), {proxied}},
      {"proxy to a port of a Service", Proxy("services/proxy", "http:asb-agent:http"), {proxied}},
      {"proxy by an administrator", Proxy("services/proxy", "asb-agent", Admin()), {proxied}},
      {"exec into a gateway", Exec("asg-agent-5d4f-x2x2x", "stockade-gateway"), {into_gateway}},
      {"exec into a gateway by an administrator",
       Connect("pods/exec", "asg-agent-5d4f-x2x2x", Admin(), Json::object()),
       {into_gateway}},
      {"attach to a gateway", Exec("asg-agent-5d4f-x2x2x", "", "pods/attach"), {into_gateway}},
      {"port-forward to a gateway", Forward("asg--0123-5d4f-x2x2x"), {"PortForward name"}},
      {"proxy to a gateway", Proxy("pods/proxy", "asg-agent-5d4f-x2x2x:15443"), {proxied}},
      {"proxy to a gateway's Service", Proxy("services/proxy", "https:asg-agent:tls"), {proxied}},
      {"proxy to another pod", Proxy("pods/proxy", "web:8080")},
      {"proxy to another Service", Proxy("services/proxy", "http:web:http")},
  };
}

}  // namespace stockade::webhook
