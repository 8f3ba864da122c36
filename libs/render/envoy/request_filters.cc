#include "render/envoy/request_filters.h"

#include <array>
#include <string_view>
#include <utility>

#include "render/envoy/access_log.h"
#include "render/envoy/messages.h"
#include "render/envoy/paths.h"

namespace stockade::render::envoy {
namespace {

using codec::Json;

constexpr const char* kInjectingFilter = "envoy.filters.http.credential_injector";
constexpr const char* kSigningFilter = "envoy.filters.http.aws_request_signing";

// Headers that carry credentials and do not say so.
constexpr std::array<std::string_view, 2> kCredentialHeaders = {"cookie", "cookie2"};
// Headers by what their names are or end in: x-auth-token, private-token, api_key, x-auth-key, ...
// Not every key is one: Idempotency-Key and Sec-WebSocket-Key belong to the request.
constexpr std::string_view kCredentialHeaderPattern =
    ".*(?:authorization|authentication|token|[-_]secret|[-_]password|[-_]credentials?|[-_]auth|"
    "[-_]session[-_]?id|api[-_]?keys?)|"
    "(?:.*[-_])?(?:access|account|admin|app|application|auth|clickhouse|consumer|fastly|functions|"
    "license|master|private|secret|service|subscription)[-_]?key|"
    "auth|dpop|password|secret|x[-_]honeycomb[-_]team|x[-_]jfrog[-_]art[-_]api";

// By these some servers and frameworks take another method or path than the request line's, which
// is what the rules have judged.
constexpr std::string_view kOverridingHeaderPattern =
    "x[-_]http[-_]method(?:[-_]override)?|x[-_]method[-_]override|"
    "x[-_](?:original|rewrite)[-_]ur[il]";

// Parameters of a query. Signed addresses (Amazon's, Google's and Azure's) are credentials, too:
// whoever was given one reads and writes with it. A request with one is refused: what Envoy offers
// for taking a parameter off writes the rest of the query anew, decoded.
constexpr std::array<std::string_view, 49> kCredentialParameters = {"access_key",
                                                                    "access_key_id",
                                                                    "access_token",
                                                                    "accesstoken",
                                                                    "api_key",
                                                                    "api_secret",
                                                                    "api_token",
                                                                    "apikey",
                                                                    "apitoken",
                                                                    "app_key",
                                                                    "auth",
                                                                    "auth_key",
                                                                    "auth_token",
                                                                    "authorization",
                                                                    "authtoken",
                                                                    "awsaccesskeyid",
                                                                    "bearer_token",
                                                                    "client_assertion",
                                                                    "client_secret",
                                                                    "hapikey",
                                                                    "id_token",
                                                                    "job_token",
                                                                    "jwt",
                                                                    "key",
                                                                    "oauth_signature",
                                                                    "oauth_token",
                                                                    "passwd",
                                                                    "password",
                                                                    "personal_access_token",
                                                                    "private_token",
                                                                    "pwd",
                                                                    "q-signature",
                                                                    "refresh_token",
                                                                    "secret",
                                                                    "security_token",
                                                                    "session_token",
                                                                    "sig",
                                                                    "signature",
                                                                    "subscription_key",
                                                                    "token",
                                                                    "x-amz-credential",
                                                                    "x-amz-security-token",
                                                                    "x-amz-signature",
                                                                    "x-goog-credential",
                                                                    "x-goog-signature",
                                                                    "x-oss-credential",
                                                                    "x-oss-signature",
                                                                    "x_api_key",
                                                                    "x_auth_token"};

// The letter in either case, or any byte percent-encoded; "-" and "_" stand for each other.
std::string Disguised(std::string_view name) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const auto encoded = [&](char c) {
    const auto byte = static_cast<unsigned char>(c);
    std::string text = "%";
    text += kDigits[byte / 16];
    text += kDigits[byte % 16];
    return text;
  };
  std::string regex;
  for (const char c : name) {
    if (c == '-' || c == '_') {
      regex += "(?:[-_.]|" + encoded('-') + "|" + encoded('_') + "|" + encoded('.') + ")";
    } else {
      const char upper = static_cast<char>(c - 'a' + 'A');
      regex += std::string("(?:") + c + "|" + encoded(c) + "|" + encoded(upper) + ")";
    }
  }
  return regex;
}

std::string CredentialParameterPattern() {
  std::string names;
  for (const std::string_view name : kCredentialParameters) {
    if (!names.empty()) names += '|';
    names += Disguised(name);
  }
  // Blanks around a name and brackets behind it are no part of it for many servers: "token[]".
  return "(?i)[^?]*\\?(?:.*[&;])?(?:\\+|%20|%09|%0[ad])*(?:" + names +
         ")(?:(?:[=&;+\\[]|%(?:00|09|0a|0d|20|5b)).*)?";
}

std::string DirectoryOf(const Injection& injection) {
  const bool secret = injection.source == Injection::Source::kSecret;
  return std::string(secret ? kSecretsDirectory : kDerivedDirectory) + "/" + injection.name;
}

std::string ResourceName(const Injection& injection) { return "credential-" + injection.name; }

Json HeaderMutation(const char* name, Json config) {
  return Extension(name, "filters.http.header_mutation.v3.HeaderMutation", std::move(config));
}

Json Rbac(const char* name, const char* action, const char* policy, Json rule) {
  Json policies = Json::object();
  policies[policy] = std::move(rule);
  return Extension(name, "filters.http.rbac.v3.RBAC",
                   {{"rules", {{"action", action}, {"policies", std::move(policies)}}}});
}

Json AnyOne() { return Json::array({{{"any", true}}}); }

// Common Expression Language, as a syntax tree: Envoy refuses its text in RBAC.
Json Attribute(const char* object, const char* field) {
  return {{"select_expr", {{"operand", {{"ident_expr", {{"name", object}}}}}, {"field", field}}}};
}
Json Text(std::string text) { return {{"const_expr", {{"string_value", std::move(text)}}}}; }
Json Call(const char* function, Json first, Json second) {
  return {{"call_expr",
           {{"function", function}, {"args", Json::array({std::move(first), std::move(second)})}}}};
}

Json Agreement(Json condition) {
  return Rbac(
      "stockade.agreement", "ALLOW", "names-agree",
      {{"permissions", AnyOne()}, {"principals", AnyOne()}, {"condition", std::move(condition)}});
}

}  // namespace

void AddStripFilters(const Endpoint& endpoint, Json& filters) {
  Json mutations = Json::array(
      {{{"remove_on_match", {{"key_matcher", FullMatch(std::string(kOverridingHeaderPattern))}}}}});
  if (!endpoint.pass_client_credentials) {
    for (const std::string_view header : kCredentialHeaders) {
      mutations.push_back({{"remove", header}});
    }
    mutations.push_back(
        {{"remove_on_match", {{"key_matcher", FullMatch(std::string(kCredentialHeaderPattern))}}}});
  }
  // Browsers' clients put tokens there, as they can set no other header; a host that is to be
  // spoken to by WebSocket may need it.
  if (!endpoint.pass_client_credentials && !endpoint.web_socket) {
    mutations.push_back({{"remove", "sec-websocket-protocol"}});
  }
  if (endpoint.injection && endpoint.injection->kind == Injection::Kind::kHeader) {
    mutations.push_back({{"remove", endpoint.injection->header}});
  }
  if (endpoint.injection && endpoint.injection->kind == Injection::Kind::kAws) {
    for (const char* header :
         {"authorization", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"}) {
      mutations.push_back({{"remove", header}});
    }
  }
  // Trailers are read as headers by some servers.
  filters.push_back(
      HeaderMutation("stockade.strip", {{"mutations",
                                         {{"request_mutations", mutations},
                                          {"request_trailers_mutations", std::move(mutations)}}}}));
  if (endpoint.pass_client_credentials) return;
  Json query = {
      {"header", {{"name", ":path"}, {"string_match", FullMatch(CredentialParameterPattern())}}}};
  filters.push_back(
      Rbac("stockade.query", "DENY", "credential-in-query",
           {{"permissions", Json::array({std::move(query)})}, {"principals", AnyOne()}}));
}

void AddInjectionFilter(const Endpoint& endpoint, Json& filters) {
  if (!endpoint.injection) return;
  const Injection& injection = *endpoint.injection;
  if (injection.kind == Injection::Kind::kAws) {
    const std::string directory = DirectoryOf(injection);
    filters.push_back(Extension(kSigningFilter,
                                "filters.http.aws_request_signing.v3.AwsRequestSigning",
                                {{"service_name", injection.service},
                                 {"region", injection.region},
                                 {"credential_provider",
                                  {{"custom_credential_provider_chain", true},
                                   {"credentials_file_provider",
                                    {{"credentials_data_source",
                                      {{"filename", directory + "/" + injection.file},
                                       {"watched_directory", {{"path", directory}}}}}}}}}}));
    return;
  }
  filters.push_back(Extension(
      kInjectingFilter, "filters.http.credential_injector.v3.CredentialInjector",
      {{"overwrite", true},
       {"allow_request_without_credential", false},
       {"credential",
        Extension("envoy.http.injected_credentials.generic",
                  "http.injected_credentials.generic.v3.Generic",
                  {{"credential", SdsConfig(ResourceName(injection), InjectionResource(injection),
                                            DirectoryOf(injection))},
                   {"header", injection.header},
                   {"header_value_prefix", injection.prefix}})}}));
}

Json WithoutInjection(const Injection& injection) {
  const bool signs = injection.kind == Injection::Kind::kAws;
  return {
      {signs ? kSigningFilter : kInjectingFilter,
       {{"@type", "type.googleapis.com/envoy.config.route.v3.FilterConfig"}, {"disabled", true}}}};
}

void AddAgreementFilters(const Endpoint& endpoint, Json& filters) {
  if (!endpoint.wildcard()) return;
  // Envoy's expressions join no strings, but its formats do.
  const auto set = [](const char* header, std::string value) -> Json {
    return {{"append",
             {{"header", {{"key", header}, {"value", std::move(value)}}},
              {"append_action", "OVERWRITE_IF_EXISTS_OR_ADD"}}}};
  };
  Json headers = Json::array(
      {set(kAuthorityHeader, "%FILTER_STATE(" + std::string(kAuthorityState) + ":PLAIN)%"),
       set(kHostHeader, "%REQ(:AUTHORITY)%:" + std::to_string(endpoint.port))});
  filters.push_back(HeaderMutation("stockade.authority",
                                   {{"mutations", {{"request_mutations", std::move(headers)}}}}));
  const Json request_headers = Attribute("request", "headers");
  Json tls_name =
      Call("_==_", Attribute("request", "host"), Attribute("connection", "requested_server_name"));
  Json authority = Call("_==_", Call("_[_]", request_headers, Text(kHostHeader)),
                        Call("_[_]", request_headers, Text(kAuthorityHeader)));
  filters.push_back(Agreement(Call("_&&_", std::move(tls_name), std::move(authority))));
}

void AddTunnelAgreementFilter(Json& filters) {
  filters.push_back(
      Agreement(Call("_==_", Attribute("request", "host"),
                     Call("_[_]", Attribute("request", "headers"), Text(kServerNameHeader)))));
}

std::string InjectionResource(const Injection& injection) {
  return ResourceName(injection) + ".json";
}

Json InjectionResourceContents(const Injection& injection) {
  return SecretResource(ResourceName(injection), DirectoryOf(injection) + "/" + injection.file);
}

}  // namespace stockade::render::envoy
