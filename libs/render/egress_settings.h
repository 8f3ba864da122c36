#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

// What an installation says of its gateways and of the operator's containers in sandbox pods.
namespace stockade::render {

// Of one container of the operator, by resource name.
struct OwnResources {
  std::map<std::string, std::string> requests;
  std::map<std::string, std::string> limits;
};

// Plain values from the operator's configuration; images have no default.
struct EgressSettings {
  std::string proxy_image = {};        // with Envoy 1.40 at /usr/local/bin/envoy
  std::string canary_image = {};       // with /usr/bin/stockade-canary
  std::string credentials_image = {};  // with /usr/bin/stockade-credentials
  // Of the proxies, which are no user of the agent's: where a sandbox's containers use the first,
  // its sidecar takes the next one that is free.
  std::int64_t proxy_user = 10002;
  std::int64_t gateway_user = 10003;

  std::string trust_domain = "stockade.local";
  // CIDRs of pods, Services, nodes and API servers. No gateway reaches them, unless an entry's
  // privateRanges say so.
  std::vector<std::string> cluster_ranges = {};
  std::string listen_address = "0.0.0.0";  // of gateways; "::" where Services have IPv6 addresses

  // Name servers of gateways as IP addresses; none: the cluster's DNS.
  std::vector<std::string> resolvers = {};
  // Where the cluster's DNS runs; empty labels: nowhere in the cluster.
  std::string dns_namespace = "kube-system";
  std::map<std::string, std::string> dns_pod_labels = {{"k8s-app", "kube-dns"}};

  // What the canary tries, as docs/canary.md says, before the agent starts and while it runs.
  // "$(HOST_IP)" in one stands for the node's address, and the kubelet gives every container the
  // variables of the API server's Service, which every pod reaches unless a policy forbids it.
  std::vector<std::string> shut_targets = {
      "tcp://169.254.169.254:80", "tcp://[$(KUBERNETES_SERVICE_HOST)]:$(KUBERNETES_SERVICE_PORT)"};

  // The audience of tokens for Vertex: the workload identity pool's provider. Empty: there are
  // none.
  std::string google_audience = {};
  std::int64_t token_seconds = 3600;  // how long a web identity token is good for

  OwnResources sidecar = {
      .requests = {{"cpu", "10m"}, {"memory", "32Mi"}, {"ephemeral-storage", "16Mi"}},
      .limits = {{"cpu", "1"}, {"memory", "96Mi"}, {"ephemeral-storage", "64Mi"}}};
  OwnResources gateway = {
      .requests = {{"cpu", "50m"}, {"memory", "64Mi"}, {"ephemeral-storage", "16Mi"}},
      .limits = {{"cpu", "2"}, {"memory", "384Mi"}, {"ephemeral-storage", "256Mi"}}};
  // Of the canary and of stockade-credentials.
  OwnResources helper = {
      .requests = {{"cpu", "10m"}, {"memory", "16Mi"}, {"ephemeral-storage", "16Mi"}},
      .limits = {{"cpu", "200m"}, {"memory", "64Mi"}, {"ephemeral-storage", "64Mi"}}};
};

}  // namespace stockade::render
