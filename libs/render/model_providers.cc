#include "render/model_providers.h"

#include <string_view>

namespace stockade::render {
namespace {

using Kind = PathMatch::Kind;
using Variables = std::vector<std::pair<std::string, std::string>>;

constexpr const char* kPlaceholder = "stockade-placeholder";

// A character of a literal inside a regular expression (RE2), in each form that a client may send
// it in a path.
std::string EscapedForPath(std::string_view literal) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string regex;
  for (const char c : literal) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (plain) {
      regex += c;
      continue;
    }
    const std::string quoted = std::string("\\") + c;
    if (c == '-' || c == '.') {
      regex += quoted;  // unreserved: nobody encodes it, and Envoy would decode it
    } else {
      regex += "(?:" + quoted + "|%" + kDigits[byte / 16] + kDigits[byte % 16] + ")";
    }
  }
  return regex;
}

std::vector<PathMatch> MessagePaths(const std::string& prefix) {
  return {{Kind::kExact, prefix + "/v1/messages"},
          {Kind::kExact, prefix + "/v1/messages/count_tokens"}};
}

std::vector<PathMatch> BedrockPaths(const api::EgressModel& model) {
  std::string id = "[A-Za-z0-9._:%-]+";
  if (!model.models.empty()) {
    id = "(?:";
    for (const std::string& name : model.models) {
      if (id.size() > 3) id += '|';
      id += EscapedForPath(name);
    }
    id += ')';
  }
  return {{Kind::kRegex, "/model/" + id + "/invoke(?:-with-response-stream)?"}};
}

std::vector<PathMatch> VertexPaths(const api::EgressModel& model) {
  const std::string prefix = "/v1/projects/" + EscapedForPath(model.project) + "/locations/" +
                             EscapedForPath(model.region) + "/publishers/anthropic/models/";
  return {{Kind::kRegex, prefix + "[A-Za-z0-9.@_-]+:(?:rawPredict|streamRawPredict)"}};
}

}  // namespace

Variables AgentVariables() {
  return {{"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"},
          {"CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL", "1"},
          {"CLAUDE_CODE_PROXY_RESOLVES_HOSTS", "1"},
          {"DISABLE_ERROR_REPORTING", "1"},
          {"DISABLE_TELEMETRY", "1"},
          {"DISABLE_UPDATES", "1"}};
}

ModelEndpoint ResolveModel(const api::EgressModel& model,
                           const std::vector<api::Credential>& credentials) {
  ModelEndpoint endpoint;
  endpoint.host = api::ModelHost(model);
  switch (model.provider) {
    case api::ModelProvider::kAnthropic:
    case api::ModelProvider::kCustom:
      endpoint.paths = MessagePaths("");
      endpoint.injection = FindInjection(credentials, model.credential);
      break;
    case api::ModelProvider::kFoundry:
      endpoint.paths = MessagePaths("/anthropic");
      endpoint.injection = FindInjection(credentials, model.credential);
      break;
    case api::ModelProvider::kBedrock:
      endpoint.paths = BedrockPaths(model);
      endpoint.encoded_slash = true;
      endpoint.injection = Injection{.kind = Injection::Kind::kAws,
                                     .source = Injection::Source::kDerived,
                                     .name = std::string(kModelCredentialName),
                                     .file = "aws",
                                     .region = model.region,
                                     .service = "bedrock"};
      break;
    case api::ModelProvider::kVertex:
      endpoint.paths = VertexPaths(model);
      endpoint.injection = Injection{.kind = Injection::Kind::kHeader,
                                     .source = Injection::Source::kDerived,
                                     .name = std::string(kModelCredentialName),
                                     .file = "token",
                                     .header = "authorization",
                                     .prefix = "Bearer "};
      break;
  }
  return endpoint;
}

Variables ModelVariables(const api::EgressModel& model) {
  Variables variables = AgentVariables();
  const std::string url = "https://" + api::ModelHost(model);
  const auto add = [&variables](std::string name, std::string value) {
    variables.emplace_back(std::move(name), std::move(value));
  };
  switch (model.provider) {
    case api::ModelProvider::kAnthropic:
      add("ANTHROPIC_BASE_URL", url);
      add("ANTHROPIC_AUTH_TOKEN", kPlaceholder);
      break;
    case api::ModelProvider::kCustom:
      add("ANTHROPIC_BASE_URL", url);
      add("ANTHROPIC_AUTH_TOKEN", kPlaceholder);
      add("ENABLE_TOOL_SEARCH", "true");
      break;
    case api::ModelProvider::kBedrock:
      add("CLAUDE_CODE_USE_BEDROCK", "1");
      add("CLAUDE_CODE_SKIP_BEDROCK_AUTH", "1");
      add("ANTHROPIC_BEDROCK_BASE_URL", url);
      add("AWS_REGION", model.region);
      break;
    case api::ModelProvider::kVertex:
      add("CLAUDE_CODE_USE_VERTEX", "1");
      add("CLAUDE_CODE_SKIP_VERTEX_AUTH", "1");
      add("ANTHROPIC_VERTEX_BASE_URL", url + "/v1");
      add("ANTHROPIC_VERTEX_PROJECT_ID", model.project);
      add("CLOUD_ML_REGION", model.region);
      break;
    case api::ModelProvider::kFoundry:
      add("CLAUDE_CODE_USE_FOUNDRY", "1");
      add("CLAUDE_CODE_SKIP_FOUNDRY_AUTH", "1");
      add("ANTHROPIC_FOUNDRY_BASE_URL", url + "/anthropic");
      // Without one Claude Code asks Azure for a token, though it was told not to.
      add("ANTHROPIC_FOUNDRY_API_KEY", kPlaceholder);
      break;
  }
  return variables;
}

}  // namespace stockade::render
