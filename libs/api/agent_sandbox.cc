#include "api/agent_sandbox.h"

#include "api/read_enum.h"
#include "base/rfc3339.h"

namespace stockade::api {
namespace {

using codec::FieldError;
using codec::JsonView;
using codec::ObjectReader;

constexpr std::int64_t kMaxFileMode = 0777;

std::string ElementPath(std::string_view list, std::size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "]";
}

// Strict when unknown fields are to be reported: the same walk serves decoding and linting.
class SpecDecoder {
 public:
  SpecDecoder(bool strict, std::vector<FieldError>& errors, bool keep_pod_spec)
      : strict_(strict), errors_(errors), keep_pod_spec_(keep_pod_spec) {}

  AgentSandboxSpec Decode(JsonView value) {
    AgentSandboxSpec spec;
    ObjectReader reader(value, "spec", errors_);
    ReadEnum(reader, "isolation", kIsolationNames, spec.isolation);
    ReadEnum(reader, "inputTrust", kInputTrustNames, spec.input_trust);
    ReadEnum(reader, "operatingMode", kOperatingModeNames, spec.operating_mode);
    reader.Require("podTemplate");
    spec.pod_template = DecodePodTemplate(reader.Value("podTemplate"));
    reader.Array("mounts").ForEachElement([&](std::size_t index, JsonView mount) {
      spec.mounts.push_back(DecodeMount(mount, ElementPath("spec.mounts", index)));
    });
    reader.Array("volumeClaimTemplates").ForEachElement([&](std::size_t index, JsonView claim) {
      spec.volume_claim_templates.push_back(
          DecodeClaim(claim, ElementPath("spec.volumeClaimTemplates", index)));
    });
    reader.Array("ingress").ForEachElement([&](std::size_t index, JsonView rule) {
      spec.ingress.push_back(DecodeIngress(rule, ElementPath("spec.ingress", index)));
    });
    const JsonView service = reader.Value("service");
    if (!service.IsUnset()) {
      ObjectReader service_reader(service, "spec.service", errors_);
      service_reader.Array("ports").ForEachElement([&](std::size_t index, JsonView port) {
        spec.service_ports.push_back(
            DecodeServicePort(port, ElementPath("spec.service.ports", index)));
      });
      Finish(service_reader);
    }
    spec.access = DecodeAccess(reader.Value("access"));
    if (const JsonView egress = reader.Object("egress"); egress.IsObject()) {
      spec.egress = DecodeEgress(egress, "spec.egress", strict_, errors_);
    }
    spec.credentials =
        DecodeCredentials(reader.Array("credentials"), "spec.credentials", strict_, errors_);
    if (const JsonView settings = reader.Object("agentSettings"); settings.IsObject()) {
      spec.agent_settings = DecodeAgentSettings(settings, "spec.agentSettings", strict_, errors_);
    }
    spec.lifecycle =
        DecodeLifecycle(reader.Object("lifecycle"), "spec.lifecycle", strict_, errors_);
    Finish(reader);
    return spec;
  }

 private:
  void Finish(ObjectReader& reader) const {
    if (strict_) reader.Finish();
  }

  PodTemplate DecodePodTemplate(JsonView value) {
    PodTemplate result;
    ObjectReader reader(value, "spec.podTemplate", errors_);
    const JsonView metadata = reader.Value("metadata");
    if (!metadata.IsUnset()) {
      ObjectReader metadata_reader(metadata, "spec.podTemplate.metadata", errors_);
      metadata_reader.StringMap("labels", result.labels);
      metadata_reader.StringMap("annotations", result.annotations);
      Finish(metadata_reader);
    }
    if (value.IsObject()) reader.Require("spec");
    const JsonView spec = reader.Object("spec");
    if (keep_pod_spec_ && spec.IsObject()) result.spec = JsonText(spec);
    Finish(reader);
    return result;
  }

  Mount DecodeMount(JsonView value, const std::string& path) {
    Mount mount;
    ObjectReader reader(value, path, errors_);
    reader.Require("name");
    reader.String("name", mount.name);
    reader.Require("mountPath");
    reader.String("mountPath", mount.mount_path);
    ReadEnum(reader, "access", kMountAccessNames, mount.access);
    // A quantity may be written as a bare number too.
    if (const JsonView size = reader.Value("sizeLimit"); size.IsNumber()) {
      mount.size_limit = size.Dump();
    } else {
      reader.String("sizeLimit", mount.size_limit);
    }
    int sources = 0;
    for (std::size_t i = 0; i < kMountSourceNames.size(); ++i) {
      const JsonView source = reader.Object(kMountSourceNames[i]);
      if (source.IsUnset()) continue;
      ++sources;
      mount.source = static_cast<MountSource>(i);
      DecodeMountSource(source, path + "." + std::string(kMountSourceNames[i]), mount);
    }
    if (sources != 1) {
      errors_.push_back({path,
                         "must have exactly one source: persistentVolumeClaim, "
                         "volumeClaimTemplate, configMap, image or empty"});
    }
    Finish(reader);
    return mount;
  }

  void DecodeMountSource(JsonView source, const std::string& path, Mount& mount) {
    ObjectReader reader(source, path, errors_);
    switch (mount.source) {
      case MountSource::kPersistentVolumeClaim:
        reader.Require("claimName");
        reader.String("claimName", mount.claim_name);
        Finish(reader);
        break;
      case MountSource::kVolumeClaimTemplate:
        reader.Require("name");
        reader.String("name", mount.claim_name);
        Finish(reader);
        break;
      case MountSource::kConfigMap:
        CheckConfigMap(reader);
        mount.source_spec = JsonText(source);
        break;
      case MountSource::kImage:
        CheckImage(reader);
        mount.source_spec = JsonText(source);
        break;
      case MountSource::kEmpty:
        reader.String("medium", mount.medium);
        Finish(reader);
        break;
    }
  }

  // The sources of core/v1 that go into the pod as they are: read for their types alone, and never
  // with a member that nobody knows.
  void CheckConfigMap(ObjectReader& reader) {
    std::string text;
    bool flag = false;
    std::int64_t mode = 0;
    reader.Require("name");
    reader.String("name", text);
    reader.Bool("optional", flag);
    reader.Int("defaultMode", 0, kMaxFileMode, mode);
    reader.Array("items").ForEachElement([&](std::size_t index, JsonView item) {
      ObjectReader item_reader(item, ElementPath(reader.PathOf("items"), index), errors_);
      for (const std::string_view key : {"key", "path"}) {
        item_reader.Require(key);
        item_reader.String(key, text);
      }
      item_reader.Int("mode", 0, kMaxFileMode, mode);
      item_reader.Finish();
    });
    reader.Finish();
  }

  void CheckImage(ObjectReader& reader) {
    std::string text;
    reader.Require("reference");
    reader.String("reference", text);
    reader.String("pullPolicy", text);
    reader.Finish();
  }

  VolumeClaimTemplate DecodeClaim(JsonView value, const std::string& path) {
    VolumeClaimTemplate claim;
    ObjectReader reader(value, path, errors_);
    ObjectReader metadata(reader.Value("metadata"), path + ".metadata", errors_);
    metadata.Require("name");
    metadata.String("name", claim.name);
    metadata.StringMap("labels", claim.labels);
    metadata.StringMap("annotations", claim.annotations);
    Finish(metadata);
    reader.Require("spec");
    claim.spec = JsonText(reader.Object("spec"));
    Finish(reader);
    return claim;
  }

  IngressRule DecodeIngress(JsonView value, const std::string& path) {
    IngressRule rule;
    ObjectReader reader(value, path, errors_);
    rule.from = JsonText(reader.Array("from"));
    rule.ports = JsonText(reader.Array("ports"));
    Finish(reader);
    return rule;
  }

  Access DecodeAccess(JsonView value) {
    Access access;
    if (value.IsUnset()) return access;
    ObjectReader reader(value, "spec.access", errors_);
    ReadEnum(reader, "exec", kPermissionNames, access.exec);
    ReadEnum(reader, "attach", kPermissionNames, access.attach);
    ReadEnum(reader, "portForward", kPermissionNames, access.port_forward);
    Finish(reader);
    return access;
  }

  ServicePort DecodeServicePort(JsonView value, const std::string& path) {
    ServicePort port;
    ObjectReader reader(value, path, errors_);
    reader.String("name", port.name);
    reader.Require("port");
    reader.Int("port", 1, 65535, port.port);
    port.target_port = JsonText(reader.Value("targetPort"));
    reader.String("protocol", port.protocol);
    reader.String("appProtocol", port.app_protocol);
    Finish(reader);
    return port;
  }

  bool strict_;
  std::vector<FieldError>& errors_;
  bool keep_pod_spec_;
};

}  // namespace

ObjectMeta DecodeObjectMeta(JsonView metadata) {
  ObjectMeta result;
  result.name = metadata["name"].StringOrEmpty();
  result.namespace_name = metadata["namespace"].StringOrEmpty();
  result.uid = metadata["uid"].StringOrEmpty();
  result.resource_version = metadata["resourceVersion"].StringOrEmpty();
  result.generation = metadata["generation"].AsInt().value_or(0);
  result.deleting = !metadata["deletionTimestamp"].IsUnset();
  result.created = ParseRfc3339(metadata["creationTimestamp"].StringOrEmpty());
  metadata["labels"].ForEachMember([&result](std::string_view key, JsonView value) {
    result.labels.emplace(key, value.StringOrEmpty());
  });
  metadata["annotations"].ForEachMember([&result](std::string_view key, JsonView value) {
    result.annotations.emplace(key, value.StringOrEmpty());
  });
  return result;
}

Result<AgentSandbox> DecodeAgentSandbox(JsonView object, KeptTexts kept) {
  std::vector<FieldError> errors;
  AgentSandbox sandbox;
  sandbox.metadata = DecodeObjectMeta(object["metadata"]);
  sandbox.spec =
      SpecDecoder(/*strict=*/false, errors, /*keep_pod_spec=*/kept.pod_spec).Decode(object["spec"]);
  if (object["spec"].IsUnset()) errors.insert(errors.begin(), {"spec", "is required"});
  if (kept.status) sandbox.status = JsonText(object["status"]);
  if (!errors.empty()) return codec::ToStatus(errors);
  return sandbox;
}

std::vector<FieldError> CheckAgentSandboxFields(JsonView object) {
  std::vector<FieldError> errors;
  ObjectReader reader(object, "", errors);
  reader.Require("apiVersion");
  reader.Require("kind");
  for (const std::string_view key : {"apiVersion", "kind", "metadata", "spec", "status"}) {
    reader.Ignore(key);
  }
  reader.Finish();
  SpecDecoder(/*strict=*/true, errors, /*keep_pod_spec=*/false).Decode(object["spec"]);
  return errors;
}

codec::JsonDocument ToDocument(const PodTemplate& pod_template) {
  codec::Json document = {{"metadata", codec::Json::object()}};
  if (!pod_template.labels.empty()) document["metadata"]["labels"] = pod_template.labels;
  if (!pod_template.annotations.empty()) {
    document["metadata"]["annotations"] = pod_template.annotations;
  }
  document["spec"] = pod_template.spec.ToJson();
  return codec::ParseTrusted(document);
}

codec::Json ToJson(const Condition& condition) {
  return codec::Json{{"type", condition.type},
                     {"status", condition.status},
                     {"reason", condition.reason},
                     {"message", condition.message},
                     {"lastTransitionTime", condition.last_transition_time},
                     {"observedGeneration", condition.observed_generation}};
}

std::vector<Condition> DecodeConditions(JsonView conditions) {
  std::vector<Condition> result;
  conditions.ForEachElement([&result](std::size_t, JsonView value) {
    result.push_back(
        {.type = std::string(value["type"].StringOrEmpty()),
         .status = std::string(value["status"].StringOrEmpty()),
         .reason = std::string(value["reason"].StringOrEmpty()),
         .message = std::string(value["message"].StringOrEmpty()),
         .last_transition_time = std::string(value["lastTransitionTime"].StringOrEmpty()),
         .observed_generation = value["observedGeneration"].AsInt().value_or(0)});
  });
  return result;
}

}  // namespace stockade::api
