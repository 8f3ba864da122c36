#include "render/defaults.h"

#include <string>

#include "render/edit.h"

namespace stockade::render {
namespace {

using codec::Json;

constexpr int kDefaultMode = 0644;  // of files of configMap, downwardAPI and projected volumes

void ApplyFieldReferenceDefaults(Json& source) {
  if (Json* field = MutableObject(source, "fieldRef")) {
    SetDefaultForZero(*field, "apiVersion", "v1");
  }
  if (Json* resource = MutableObject(source, "resourceFieldRef")) {
    SetDefault(*resource, "divisor", "0");
    CanonicalizeQuantity((*resource)["divisor"]);
  }
}

void ApplyItemsDefaults(Json& volume_source) {
  if (Json* items = MutableArray(volume_source, "items")) {
    for (Json& item : *items) ApplyFieldReferenceDefaults(item);
  }
}

void ApplyHandlerDefaults(Json& handler) {
  if (Json* http = MutableObject(handler, "httpGet")) {
    SetDefaultForZero(*http, "path", "/");
    SetDefaultForZero(*http, "scheme", "HTTP");
  }
  if (Json* grpc = MutableObject(handler, "grpc")) SetDefault(*grpc, "service", "");
}

void ApplyProbeDefaults(Json& probe) {
  SetDefaultForZero(probe, "timeoutSeconds", 1);
  SetDefaultForZero(probe, "periodSeconds", 10);
  SetDefaultForZero(probe, "successThreshold", 1);
  SetDefaultForZero(probe, "failureThreshold", 3);
  ApplyHandlerDefaults(probe);
}

void ApplyEnvironmentDefaults(Json& container) {
  Json* environment = MutableArray(container, "env");
  if (environment == nullptr) return;
  for (Json& variable : *environment) {
    Json* source = MutableObject(variable, "valueFrom");
    if (source == nullptr) continue;
    ApplyFieldReferenceDefaults(*source);
    if (Json* file = MutableObject(*source, "fileKeyRef")) SetDefault(*file, "optional", false);
  }
}

}  // namespace

std::string_view DefaultPullPolicy(std::string_view image) {
  const std::size_t digest = image.find('@');
  const std::string_view named = image.substr(0, digest);
  const std::string_view last_segment = named.substr(named.rfind('/') + 1);
  const std::size_t colon = last_segment.rfind(':');
  const bool tagged = colon != std::string_view::npos;
  const bool latest =
      tagged ? last_segment.substr(colon + 1) == "latest" : digest == std::string_view::npos;
  return latest ? "Always" : "IfNotPresent";
}

void ApplyContainerDefaults(Json& container) {
  SetDefaultForZero(container, "imagePullPolicy",
                    DefaultPullPolicy(StringMember(container, "image")));
  SetDefaultForZero(container, "terminationMessagePath", "/dev/termination-log");
  SetDefaultForZero(container, "terminationMessagePolicy", "File");
  if (Json* ports = MutableArray(container, "ports")) {
    for (Json& port : *ports) {
      if (port.is_object()) SetDefaultForZero(port, "protocol", "TCP");
    }
  }
  ApplyEnvironmentDefaults(container);
  for (const char* name : {"livenessProbe", "readinessProbe", "startupProbe"}) {
    if (Json* probe = MutableObject(container, name)) ApplyProbeDefaults(*probe);
  }
  if (Json* lifecycle = MutableObject(container, "lifecycle")) {
    for (const char* name : {"postStart", "preStop"}) {
      if (Json* handler = MutableObject(*lifecycle, name)) ApplyHandlerDefaults(*handler);
    }
  }
}

void ApplyVolumeDefaults(Json& volume) {
  if (volume.size() <= 1) volume["emptyDir"] = Json::object();  // nothing but a name
  if (Json* config_map = MutableObject(volume, "configMap")) {
    SetDefault(*config_map, "defaultMode", kDefaultMode);
  }
  if (Json* downward = MutableObject(volume, "downwardAPI")) {
    SetDefault(*downward, "defaultMode", kDefaultMode);
    ApplyItemsDefaults(*downward);
  }
  if (Json* projected = MutableObject(volume, "projected")) {
    SetDefault(*projected, "defaultMode", kDefaultMode);
    if (Json* sources = MutableArray(*projected, "sources")) {
      for (Json& source : *sources) {
        if (Json* downward = MutableObject(source, "downwardAPI")) ApplyItemsDefaults(*downward);
      }
    }
  }
  if (Json* image = MutableObject(volume, "image")) {
    SetDefaultForZero(*image, "pullPolicy", DefaultPullPolicy(StringMember(*image, "reference")));
  }
  if (Json* ephemeral = MutableObject(volume, "ephemeral")) {
    if (Json* claim = MutableObject(*ephemeral, "volumeClaimTemplate")) {
      SetDefault(*claim, "metadata", Json::object());
      if (Json* spec = MutableObject(*claim, "spec")) ApplyClaimDefaults(*spec);
    }
  }
}

void ApplyClaimDefaults(Json& spec) {
  SetDefault(spec, "volumeMode", "Filesystem");
  if (Json* resources = MutableObject(spec, "resources")) {
    for (const char* name : {"requests", "limits"}) {
      if (Json* list = MutableObject(*resources, name)) CanonicalizeResourceList(*list);
    }
  }
}

}  // namespace stockade::render
