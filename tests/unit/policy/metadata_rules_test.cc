#include "tests/unit/policy/objects.h"
#include "tests/unit/policy/rule_case.h"

namespace stockade::policy {

const std::vector<RuleCase>& MetadataCases() {
  static const std::vector<RuleCase> cases = {
      {"PodMetadata",
       "Gvisor",
       Scope::kPod,
       {{"/metadata/annotations", R"({"dev.gvisor.internal.nvproxy":"true"})"}},
       {"metadata.annotations[dev.gvisor.internal.nvproxy]"}},
      {"PodMetadata",
       "Kata",
       Scope::kPod,
       {{"/metadata/annotations", R"({"io.katacontainers.config.hypervisor.path":"/x"})"}},
       {"metadata.annotations[io.katacontainers.config.hypervisor.path]"}},
      {"PodMetadata",
       "EveryRuntimeFamily",
       Scope::kPod,
       {{"/metadata/annotations",
         R"({"aadpodidbinding":"", "com.docker.x":"", "io.containerd.x":"", "io.crio.x":"",
             "io.kubernetes.cri.container-type":"", "io.podman.annotations.privileged":"",
             "module.wasm.image/variant":"", "org.criu.config":"", "org.systemd.property.X":"",
             "run.oci.keep_original_groups":""})"}},
       {"metadata.annotations[aadpodidbinding]", "metadata.annotations[com.docker.x]",
        "metadata.annotations[io.containerd.x]", "metadata.annotations[io.crio.x]",
        "metadata.annotations[io.kubernetes.cri.container-type]",
        "metadata.annotations[io.podman.annotations.privileged]",
        "metadata.annotations[module.wasm.image/variant]", "metadata.annotations[org.criu.config]",
        "metadata.annotations[org.systemd.property.X]",
        "metadata.annotations[run.oci.keep_original_groups]"}},
      // Keys without a "/" pass, but for those that a runtime or its plugins know by their ending.
      {"PodMetadata",
       "CriO",
       Scope::kPod,
       {{"/metadata/annotations",
         R"({"cpu-quota.crio.io":"disable", "cpu-shared.crio.io/agent":"1",
             "seccomp-profile.kubernetes.cri-o.io":"unconfined",
             "seccomp-profile.kubernetes.cri-o.io/POD":"unconfined"})"}},
       {"metadata.annotations[cpu-quota.crio.io]", "metadata.annotations[cpu-shared.crio.io/agent]",
        "metadata.annotations[seccomp-profile.kubernetes.cri-o.io]",
        "metadata.annotations[seccomp-profile.kubernetes.cri-o.io/POD]"}},
      {"PodMetadata",
       "RuntimePlugins",
       Scope::kPod,
       {{"/metadata/annotations",
         R"({"devices.nri.io":"- path: /dev/sda", "mounts.nri.io/pod":"x",
             "ulimits.nri.containerd.io":"x"})"}},
       {"metadata.annotations[devices.nri.io]", "metadata.annotations[mounts.nri.io/pod]",
        "metadata.annotations[ulimits.nri.containerd.io]"}},
      {"PodMetadata",
       "Networks",
       Scope::kPod,
       {{"/metadata/annotations",
         R"({"cni.projectcalico.org/ipAddrs":"", "k8s.v1.cni.cncf.io/networks":"host"})"}},
       {"metadata.annotations[cni.projectcalico.org/ipAddrs]",
        "metadata.annotations[k8s.v1.cni.cncf.io/networks]"}},
      {"PodMetadata",
       "Devices",
       Scope::kPod,
       {{"/metadata/annotations", R"({"cdi.k8s.io/gpu":"nvidia.com/gpu=all"})"}},
       {"metadata.annotations[cdi.k8s.io/gpu]"}},
      {"PodMetadata",
       "Injectors",
       Scope::kPod,
       {{"/metadata/annotations",
         R"({"sidecar.istio.io/inject":"true", "vault.hashicorp.com/agent-inject":"true"})"},
        {"/metadata/labels/azure.workload.identity~1use", R"("true")"}},
       {"metadata.labels[azure.workload.identity/use]",
        "metadata.annotations[sidecar.istio.io/inject]",
        "metadata.annotations[vault.hashicorp.com/agent-inject]"}},
      {"PodMetadata",
       "UnknownPrefix",
       Scope::kPod,
       {{"/metadata/labels/example.com~1team", R"("research")"}},
       {"metadata.labels[example.com/team]"}},
      {"PodMetadata",
       "KnownPrefixInOtherCase",
       Scope::kPod,
       {{"/metadata/annotations", R"({"App.kubernetes.io/name":"x"})"}},
       {"metadata.annotations[App.kubernetes.io/name]"}},
      {"PodMetadata",
       "BelowAnAllowedPrefix",
       Scope::kPod,
       {{"/metadata/annotations", R"({"x.app.kubernetes.io/name":"x", "evil-helm.sh/x":""})"}},
       {"metadata.annotations[evil-helm.sh/x]", "metadata.annotations[x.app.kubernetes.io/name]"}},
      {"PodMetadata",
       "NoPrefixAtAll",
       Scope::kPod,
       {{"/metadata/annotations", R"({"/x":""})"}},
       {"metadata.annotations[/x]"}},
      {"PodMetadata",
       "KeyOfATerminal",
       Scope::kPod,
       {{"/metadata/annotations", R"({"a\u001b[2J/\n":""})"}},
       {R"(metadata.annotations[a\x1b[2J/\x0a])"}},
      {"PodMetadata",
       "NoPrefix",
       Scope::kPod,
       {{"/metadata/annotations", R"({"note":"kept", "dev":"", "gvisor":"dev.gvisor.x"})"},
        {"/metadata/labels/team", R"("research")"}}},
      {"PodMetadata",
       "AllowedPrefixes",
       Scope::kPod,
       {{"/metadata/annotations",
         R"({"argocd.argoproj.io/sync-wave":"1", "checksum/config":"x", "helm.sh/chart":"x",
             "kubectl.kubernetes.io/restartedAt":"x", "meta.helm.sh/release-name":"x",
             "prometheus.io/scrape":"true"})"},
        {"/metadata/labels/app.kubernetes.io~1name", R"("x")"}}},
  };
  return cases;
}

INSTANTIATE_TEST_SUITE_P(MetadataRules, RuleCaseTest, ::testing::ValuesIn(MetadataCases()),
                         CaseName);

namespace {

using codec::Json;

std::size_t Refused(const std::vector<std::string>& allowed, std::string_view key) {
  Json sandbox = PlainSandbox();
  sandbox["spec"]["podTemplate"]["metadata"]["labels"][std::string(key)] = "x";
  return JudgeSandbox(sandbox, Facts{.allowed_metadata_prefixes = allowed}).size();
}

TEST(AllowedMetadataPrefixesTest, AreExactOrBelowASuffix) {
  EXPECT_EQ(Refused({"example.com"}, "example.com/team"), 0U);
  EXPECT_EQ(Refused({"example.com"}, "a.example.com/team"), 1U);
  EXPECT_EQ(Refused({"*.example.com"}, "a.example.com/team"), 0U);
  EXPECT_EQ(Refused({"*.example.com"}, "a.b.example.com/team"), 0U);
  EXPECT_EQ(Refused({"*.example.com"}, "example.com/team"), 1U);
  EXPECT_EQ(Refused({"*.example.com"}, "evilexample.com/team"), 1U);
  EXPECT_EQ(Refused({"*."}, "example.com/team"), 1U);
  EXPECT_EQ(Refused({"*"}, "example.com/team"), 1U);
  EXPECT_EQ(Refused({""}, "example.com/team"), 1U);
  EXPECT_EQ(Refused({}, "app.kubernetes.io/name"), 1U);
}

TEST(AllowedMetadataPrefixesTest, NeverAllowWhatRuntimesRead) {
  const std::vector<std::string> all = {"*.io", "*.dev", "*.com", "io", "dev", "org"};
  for (const char* key :
       {"dev.gvisor.spec.rootfs.source", "io.katacontainers.config/x", "io.kubernetes.cri/x",
        "x.crio.io/agent", "devices.nri.io/pod", "seccomp-profile.kubernetes.cri-o.io/POD"}) {
    EXPECT_EQ(Refused(all, key), 1U) << key;
  }
}

TEST(AllowedMetadataPrefixesTest, NeverAllowKeysOfTheOperator) {
  EXPECT_EQ(Refused({"stockade.dev", "*.dev"}, "stockade.dev/sandbox"), 1U);
  EXPECT_EQ(Refused({"*.stockade.dev"}, "x.stockade.dev/sandbox"), 1U);
}

}  // namespace
}  // namespace stockade::policy
