#include "api/egress.h"

#include <utility>

namespace stockade::api {
namespace {

using codec::FieldError;
using codec::Json;
using codec::JsonView;
using codec::ObjectReader;

constexpr std::int64_t kMaxPort = 65535;
constexpr std::string_view kWildcardPrefix = "*.";

template <typename E, std::size_t N>
void ReadEnum(ObjectReader& reader, std::string_view key,
              const std::array<std::string_view, N>& names, E& out) {
  auto index = static_cast<std::size_t>(out);
  reader.Enum(key, names, index);
  out = static_cast<E>(index);
}

std::string ElementPath(std::string_view list, std::size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "]";
}

class EgressDecoder {
 public:
  EgressDecoder(bool strict, std::vector<FieldError>& errors) : strict_(strict), errors_(errors) {}

  Egress DecodeEgressAt(JsonView value, const std::string& path) {
    Egress egress;
    ObjectReader reader(value, path, errors_);
    if (const JsonView model = reader.Object("model"); model.IsObject()) {
      egress.model = DecodeModel(model, path + ".model");
    }
    egress.allow = DecodeEntries(reader, "allow");
    egress.deny = DecodeEntries(reader, "deny");
    reader.Bool("audit", egress.audit);
    ReadEnum(reader, "gateway", kGatewayModeNames, egress.gateway);
    Finish(reader);
    return egress;
  }

  Credential DecodeCredential(JsonView value, const std::string& path) {
    Credential credential;
    ObjectReader reader(value, path, errors_);
    RequiredString(reader, "name", credential.name);
    const auto found =
        DecodeOneOf(reader, kCredentialKindNames, [&](std::size_t kind, ObjectReader& source) {
          credential.kind = static_cast<CredentialKind>(kind);
          DecodeCredentialSource(source, credential);
        });
    if (found != 1) {
      errors_.push_back({path, "must have exactly one of header, basicAuth and aws"});
    }
    Finish(reader);
    return credential;
  }

 private:
  void Finish(ObjectReader& reader) const {
    if (strict_) reader.Finish();
  }

  static void RequiredString(ObjectReader& reader, std::string_view key, std::string& out) {
    reader.Require(key);
    reader.String(key, out);
  }

  // Calls f(index, reader) for each member of those names that is set; returns how many are.
  template <std::size_t N, typename F>
  int DecodeOneOf(ObjectReader& reader, const std::array<std::string_view, N>& names, F&& f) {
    int found = 0;
    for (std::size_t i = 0; i < N; ++i) {
      const JsonView member = reader.Object(names[i]);
      if (member.IsUnset()) continue;
      ++found;
      ObjectReader member_reader(member, reader.PathOf(names[i]), errors_);
      f(i, member_reader);
      Finish(member_reader);
    }
    return found;
  }

  std::vector<EgressEntry> DecodeEntries(ObjectReader& reader, std::string_view key) {
    std::vector<EgressEntry> entries;
    reader.Array(key).ForEachElement([&](std::size_t index, JsonView value) {
      entries.push_back(DecodeEntry(value, ElementPath(reader.PathOf(key), index), key == "allow"));
    });
    return entries;
  }

  // What refuses needs to know nothing of how a host is reached.
  EgressEntry DecodeEntry(JsonView value, const std::string& path, bool allows) {
    EgressEntry entry;
    ObjectReader reader(value, path, errors_);
    RequiredString(reader, "host", entry.host);
    reader.Array("ports").ForEachElement([&](std::size_t index, JsonView port) {
      const auto number = port.AsInt();
      if (number && *number >= 1 && *number <= kMaxPort) {
        entry.ports.push_back(*number);
      } else {
        errors_.push_back(
            {ElementPath(path + ".ports", index), "must be an integer from 1 to 65535"});
      }
    });
    reader.StringList("methods", entry.methods);
    reader.StringList("paths", entry.paths);
    if (!allows) {
      Finish(reader);
      return entry;
    }
    ReadEnum(reader, "tls", kTlsModeNames, entry.tls);
    reader.Bool("encodedSlash", entry.encoded_slash);
    reader.String("credential", entry.credential);
    ReadEnum(reader, "clientCredentials", kClientCredentialsNames, entry.client_credentials);
    reader.Bool("webSocket", entry.web_socket);
    reader.StringList("privateRanges", entry.private_ranges);
    Finish(reader);
    return entry;
  }

  EgressModel DecodeModel(JsonView value, const std::string& path) {
    EgressModel model;
    ObjectReader reader(value, path, errors_);
    const auto found =
        DecodeOneOf(reader, kModelProviderNames, [&](std::size_t provider, ObjectReader& source) {
          model.provider = static_cast<ModelProvider>(provider);
          DecodeProvider(source, model);
        });
    if (found != 1) {
      errors_.push_back(
          {path, "must have exactly one of anthropic, bedrock, vertex, foundry and custom"});
    }
    Finish(reader);
    return model;
  }

  static void DecodeProvider(ObjectReader& reader, EgressModel& model) {
    switch (model.provider) {
      case ModelProvider::kAnthropic:
        RequiredString(reader, "credential", model.credential);
        break;
      case ModelProvider::kBedrock:
        RequiredString(reader, "region", model.region);
        RequiredString(reader, "roleARN", model.role_arn);
        reader.StringList("models", model.models);
        break;
      case ModelProvider::kVertex:
        RequiredString(reader, "project", model.project);
        RequiredString(reader, "region", model.region);
        break;
      case ModelProvider::kFoundry:
        RequiredString(reader, "resource", model.resource);
        RequiredString(reader, "credential", model.credential);
        break;
      case ModelProvider::kCustom:
        RequiredString(reader, "host", model.host);
        RequiredString(reader, "credential", model.credential);
        break;
    }
  }

  void DecodeCredentialSource(ObjectReader& reader, Credential& credential) {
    switch (credential.kind) {
      case CredentialKind::kHeader:
        RequiredString(reader, "name", credential.header);
        reader.String("prefix", credential.prefix);
        DecodeSecretKeyRef(reader, credential.secret);
        break;
      case CredentialKind::kBasicAuth:
        RequiredString(reader, "username", credential.username);
        DecodeSecretKeyRef(reader, credential.secret);
        break;
      case CredentialKind::kAws:
        RequiredString(reader, "roleARN", credential.role_arn);
        RequiredString(reader, "region", credential.region);
        RequiredString(reader, "service", credential.service);
        break;
    }
  }

  void DecodeSecretKeyRef(ObjectReader& reader, SecretKeyRef& secret) {
    reader.Require("secretKeyRef");
    const JsonView value = reader.Object("secretKeyRef");
    if (!value.IsObject()) return;
    ObjectReader secret_reader(value, reader.PathOf("secretKeyRef"), errors_);
    RequiredString(secret_reader, "name", secret.name);
    RequiredString(secret_reader, "key", secret.key);
    Finish(secret_reader);
  }

  bool strict_;
  std::vector<FieldError>& errors_;
};

void AddIfSet(Json& object, const char* key, const std::string& value) {
  if (!value.empty()) object[key] = value;
}

template <typename T>
void AddIfSet(Json& object, const char* key, const std::vector<T>& values) {
  if (!values.empty()) object[key] = values;
}

Json EntryToJson(const EgressEntry& entry) {
  Json json = {{"host", entry.host}};
  AddIfSet(json, "ports", entry.ports);
  if (entry.tls != TlsMode::kTerminate) {
    json["tls"] = kTlsModeNames[static_cast<std::size_t>(entry.tls)];
  }
  AddIfSet(json, "methods", entry.methods);
  AddIfSet(json, "paths", entry.paths);
  if (entry.encoded_slash) json["encodedSlash"] = true;
  AddIfSet(json, "credential", entry.credential);
  if (entry.client_credentials == ClientCredentials::kPass) json["clientCredentials"] = "Pass";
  if (entry.web_socket) json["webSocket"] = true;
  AddIfSet(json, "privateRanges", entry.private_ranges);
  return json;
}

Json ModelToJson(const EgressModel& model) {
  Json source = Json::object();
  AddIfSet(source, "credential", model.credential);
  AddIfSet(source, "host", model.host);
  AddIfSet(source, "region", model.region);
  AddIfSet(source, "roleARN", model.role_arn);
  AddIfSet(source, "models", model.models);
  AddIfSet(source, "project", model.project);
  AddIfSet(source, "resource", model.resource);
  Json json = Json::object();
  json[std::string(kModelProviderNames[static_cast<std::size_t>(model.provider)])] =
      std::move(source);
  return json;
}

}  // namespace

Egress DecodeEgress(JsonView value, const std::string& path, bool strict,
                    std::vector<FieldError>& errors) {
  return EgressDecoder(strict, errors).DecodeEgressAt(value, path);
}

std::vector<Credential> DecodeCredentials(JsonView value, const std::string& path, bool strict,
                                          std::vector<FieldError>& errors) {
  std::vector<Credential> credentials;
  EgressDecoder decoder(strict, errors);
  value.ForEachElement([&](std::size_t index, JsonView element) {
    credentials.push_back(decoder.DecodeCredential(element, ElementPath(path, index)));
  });
  return credentials;
}

Json ToJson(const Egress& egress) {
  Json json = Json::object();
  if (egress.model) json["model"] = ModelToJson(*egress.model);
  for (const EgressEntry& entry : egress.allow) json["allow"].push_back(EntryToJson(entry));
  for (const EgressEntry& entry : egress.deny) json["deny"].push_back(EntryToJson(entry));
  if (egress.audit) json["audit"] = true;
  if (egress.gateway == GatewayMode::kShared) json["gateway"] = "Shared";
  return json;
}

Json ToJson(const Credential& credential) {
  Json source = Json::object();
  if (credential.kind != CredentialKind::kAws) {
    source["secretKeyRef"] = {{"name", credential.secret.name}, {"key", credential.secret.key}};
  }
  AddIfSet(source, "name", credential.header);
  AddIfSet(source, "prefix", credential.prefix);
  AddIfSet(source, "username", credential.username);
  AddIfSet(source, "roleARN", credential.role_arn);
  AddIfSet(source, "region", credential.region);
  AddIfSet(source, "service", credential.service);
  Json json = {{"name", credential.name}};
  json[std::string(kCredentialKindNames[static_cast<std::size_t>(credential.kind)])] =
      std::move(source);
  return json;
}

std::string ModelHost(const EgressModel& model) {
  switch (model.provider) {
    case ModelProvider::kAnthropic:
      return "api.anthropic.com";
    case ModelProvider::kBedrock:
      return "bedrock-runtime." + model.region + ".amazonaws.com" +
             (model.region.starts_with("cn-") ? ".cn" : "");
    case ModelProvider::kVertex:
      if (model.region == "global") return "aiplatform.googleapis.com";
      return model.region + "-aiplatform.googleapis.com";
    case ModelProvider::kFoundry:
      return model.resource + ".services.ai.azure.com";
    case ModelProvider::kCustom:
      return model.host;
  }
  return {};
}

std::vector<std::int64_t> AllowedPorts(const EgressEntry& entry) {
  return entry.ports.empty() ? std::vector{kHttpsPort} : entry.ports;
}

bool IsWildcardHost(std::string_view host) { return host.starts_with(kWildcardPrefix); }

bool CoversHost(std::string_view pattern, std::string_view host) {
  if (pattern == host) return true;
  if (!IsWildcardHost(pattern) || IsWildcardHost(host)) return false;
  const std::string_view suffix = pattern.substr(1);  // ".example.com"
  if (!host.ends_with(suffix)) return false;
  const std::string_view label = host.substr(0, host.size() - suffix.size());
  return !label.empty() && label.find('.') == std::string_view::npos;
}

}  // namespace stockade::api
