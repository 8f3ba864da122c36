#include "kube/exec_credential.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>

#include "base/base64.h"
#include "base/rfc3339.h"
#include "base/strings.h"
#include "kube/tls_context.h"

namespace stockade::kube {
namespace {

constexpr std::string_view kVersion1 = "client.authentication.k8s.io/v1";
constexpr std::string_view kVersion1Beta1 = "client.authentication.k8s.io/v1beta1";
constexpr std::string_view kExtension = "client.authentication.k8s.io/exec";

Status BadRequest(std::string_view what) { return {StatusCode::kBadRequest, std::string(what)}; }

bool HasNul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

// Reads the members of the exec object. The first error stays.
class ExecReader {
 public:
  ExecReader(codec::JsonView exec, const std::string& where) : exec_(exec), where_(where) {}

  [[nodiscard]] const Status& status() const { return status_; }

  // Text of a member, without a NUL, which no program's argument can hold; empty when unset.
  std::string Text(codec::JsonView value, const std::string& member) {
    if (value.IsUnset()) return {};
    const std::string_view text = value.StringOrEmpty();
    if (!value.IsString() || HasNul(text)) Error(member, "must be a string");
    return std::string(text);
  }
  std::string Text(const std::string& member) { return Text(exec_[member], member); }

  std::vector<std::string> Texts(const std::string& member) {
    std::vector<std::string> texts;
    const codec::JsonView list = exec_[member];
    if (!list.IsUnset() && !list.IsArray()) Error(member, "must be a list of strings");
    list.ForEachElement([&](std::size_t index, codec::JsonView value) {
      const std::string path = member + "[" + std::to_string(index) + "]";
      if (!value.IsString()) Error(path, "must be a string");
      texts.push_back(Text(value, path));
    });
    return texts;
  }

  std::vector<std::pair<std::string, std::string>> Environment() {
    std::vector<std::pair<std::string, std::string>> variables;
    const codec::JsonView list = exec_["env"];
    if (!list.IsUnset() && !list.IsArray()) Error("env", "must be a list");
    list.ForEachElement([&](std::size_t index, codec::JsonView entry) {
      const std::string path = "env[" + std::to_string(index) + "]";
      std::string name = Text(entry["name"], path + ".name");
      if (name.empty() || name.find('=') != std::string::npos) {
        Error(path + ".name", "must be the name of an environment variable");
      }
      variables.emplace_back(std::move(name), Text(entry["value"], path + ".value"));
    });
    return variables;
  }

  bool Flag(const std::string& member) {
    const codec::JsonView value = exec_[member];
    if (!value.IsUnset() && !value.IsBool()) Error(member, "must be true or false");
    return value.IsTrue();
  }

  void Error(const std::string& member, std::string_view what) {
    if (status_.ok()) status_ = BadRequest(where_ + "." + member + ": " + std::string(what));
  }

 private:
  const codec::JsonView exec_;
  const std::string& where_;
  Status status_;
};

void CheckVersion(ExecReader& reader, const std::string& version) {
  if (version == kVersion1 || version == kVersion1Beta1) return;
  reader.Error("apiVersion", "\"" + Truncate(version, 100) + "\" is not supported; use " +
                                 std::string(kVersion1) + " or " + std::string(kVersion1Beta1));
}

void CheckInteractiveMode(ExecReader& reader, const std::string& mode, const std::string& version) {
  if (mode == "Never" || mode == "IfAvailable") return;
  if (mode == "Always") {
    reader.Error("interactiveMode",
                 "Always needs a terminal, and this program has none; use a plugin that can do "
                 "without");
  } else if (!mode.empty() || version == kVersion1) {
    reader.Error("interactiveMode", "must be Never or IfAvailable");
  }
}

}  // namespace

Result<ExecPluginConfig> ReadExecPlugin(codec::JsonView exec, const std::string& where,
                                        const std::string& directory) {
  if (!exec.IsObject()) return BadRequest(where + ": must be an object");
  ExecReader reader(exec, where);
  ExecPluginConfig plugin;
  plugin.where = where;
  plugin.api_version = reader.Text("apiVersion");
  CheckVersion(reader, plugin.api_version);
  CheckInteractiveMode(reader, reader.Text("interactiveMode"), plugin.api_version);
  plugin.command = reader.Text("command");
  if (plugin.command.empty()) reader.Error("command", "is not set");
  if (plugin.command.find('/') != std::string::npos) {
    plugin.command =
        (std::filesystem::path(directory) / plugin.command).lexically_normal().string();
    // A file beside the kubeconfig, when that was named without a directory.
    if (plugin.command.find('/') == std::string::npos) plugin.command.insert(0, "./");
  }
  plugin.arguments = reader.Texts("args");
  plugin.environment = reader.Environment();
  plugin.install_hint = reader.Text("installHint");
  plugin.provide_cluster_info = reader.Flag("provideClusterInfo");
  if (!reader.status().ok()) return reader.status();
  return plugin;
}

std::string ExecClusterInfo(codec::JsonView cluster, const std::string& ca_pem) {
  codec::Json info = {{"server", cluster["server"].StringOrEmpty()}};
  const std::string_view server_name = cluster["tls-server-name"].StringOrEmpty();
  if (!server_name.empty()) info["tls-server-name"] = server_name;
  if (!ca_pem.empty()) info["certificate-authority-data"] = EncodeBase64(ca_pem);
  cluster["extensions"].ForEachElement([&](std::size_t, codec::JsonView entry) {
    const bool ours = entry["name"].AsString() == kExtension && entry["extension"].exists();
    if (ours && !info.contains("config")) info["config"] = entry["extension"].ToJson();
  });
  return info.dump();
}

std::string ExecInfo(const ExecPluginConfig& plugin) {
  codec::Json info = {{"apiVersion", plugin.api_version},
                      {"kind", "ExecCredential"},
                      {"spec", {{"interactive", false}}}};
  if (!plugin.cluster_json.empty()) {
    info["spec"]["cluster"] = codec::Json::parse(plugin.cluster_json, nullptr, false);
  }
  return info.dump();
}

Result<ExecCredential> ParseExecCredential(std::string_view output, std::string_view api_version) {
  const Result<codec::JsonDocument> document = codec::JsonDocument::Parse(output);
  if (!document.ok()) return BadRequest("printed no JSON");
  const codec::JsonView root = document->root();
  if (root["kind"].AsString() != "ExecCredential") return BadRequest("printed no ExecCredential");
  if (root["apiVersion"].AsString() != api_version) {
    return BadRequest("printed an ExecCredential of another apiVersion than " +
                      std::string(api_version) + ", which the kubeconfig says");
  }
  const codec::JsonView status = root["status"];
  if (!status.IsObject()) return BadRequest("printed an ExecCredential without a status");
  for (const char* member :
       {"token", "clientCertificateData", "clientKeyData", "expirationTimestamp"}) {
    if (!status[member].IsUnset() && !status[member].IsString()) {
      return BadRequest(std::string("printed a status.") + member + " that is no string");
    }
  }
  ExecCredential credential;
  credential.token = status["token"].StringOrEmpty();
  credential.client_certificate_pem = status["clientCertificateData"].StringOrEmpty();
  credential.client_key_pem = status["clientKeyData"].StringOrEmpty();
  if (!std::ranges::all_of(credential.token, [](char c) { return c > 0x20 && c < 0x7f; })) {
    return BadRequest("printed a status.token with spaces or control characters");
  }
  if (credential.client_certificate_pem.empty() != credential.client_key_pem.empty()) {
    return BadRequest("printed a client certificate without its key, or a key alone");
  }
  if (credential.token.empty() && credential.client_key_pem.empty()) {
    return BadRequest("printed neither a token nor a client certificate");
  }
  if (!credential.client_key_pem.empty()) {
    const Status usable =
        CheckClientCertificate(credential.client_certificate_pem, credential.client_key_pem);
    if (!usable.ok()) return BadRequest("printed what cannot be used: " + usable.message());
  }
  const std::string_view expires = status["expirationTimestamp"].StringOrEmpty();
  if (!expires.empty()) {
    credential.expires = ParseRfc3339(expires);
    if (!credential.expires) {
      return BadRequest("printed a status.expirationTimestamp that is no time of RFC 3339");
    }
  }
  return credential;
}

}  // namespace stockade::kube
