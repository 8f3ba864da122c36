#include "kube/client.h"

#include <utility>

#include "kube/percent_encode.h"

namespace stockade::kube {
namespace {

constexpr std::string_view kJsonType = "application/json";

std::string WriteQuery(std::string_view field_manager = kFieldManager) {
  return Query().Add("fieldValidation", "Strict").Add("fieldManager", field_manager).text();
}

std::string_view ContentType(PatchType type) {
  switch (type) {
    case PatchType::kMerge:
      return "application/merge-patch+json";
    case PatchType::kJson:
      return "application/json-patch+json";
    case PatchType::kStrategicMerge:
      return "application/strategic-merge-patch+json";
    case PatchType::kApply:
      return "application/apply-patch+yaml";  // JSON is YAML
  }
  return kJsonType;
}

// Text of a value that we built; BadRequest when a string in it is no UTF-8.
Result<std::string> Dump(const codec::Json& value) {
  try {
    return value.dump();
  } catch (const codec::Json::exception& error) {
    return Status(StatusCode::kBadRequest, std::string("the object is no JSON: ") + error.what());
  }
}

codec::Json DeleteBody(const DeleteOptions& options) {
  codec::Json body = {{"apiVersion", "v1"}, {"kind", "DeleteOptions"}};
  if (!options.uid.empty()) body["preconditions"]["uid"] = options.uid;
  if (!options.resource_version.empty()) {
    body["preconditions"]["resourceVersion"] = options.resource_version;
  }
  if (options.grace_period_seconds) body["gracePeriodSeconds"] = *options.grace_period_seconds;
  if (!options.propagation_policy.empty()) body["propagationPolicy"] = options.propagation_policy;
  return body;
}

// An object is named by one path segment; an empty or dotted one would name another path.
Status CheckName(std::string_view name) {
  if (!name.empty() && name != "." && name != "..") return Status::Ok();
  return {StatusCode::kBadRequest, "\"" + std::string(name) + "\" is no name of an object"};
}

HttpRequest Request(std::string method, std::string target) {
  HttpRequest request;
  request.method = std::move(method);
  request.target = std::move(target);
  return request;
}

Result<HttpRequest> WriteRequest(std::string method, std::string target, std::string_view type,
                                 const codec::Json& body) {
  Result<std::string> text = Dump(body);
  if (!text.ok()) return text.status();
  HttpRequest request = Request(std::move(method), std::move(target));
  request.content_type = type;
  request.body = std::move(*text);
  return request;
}

}  // namespace

std::string ResourcePath(const Resource& resource, std::string_view namespace_name,
                         std::string_view name, std::string_view subresource) {
  std::string path =
      resource.group.empty() ? "/api/" : "/apis/" + PercentEncode(resource.group) + "/";
  path += PercentEncode(resource.version);
  if (resource.namespaced && !namespace_name.empty()) {
    path += "/namespaces/" + PercentEncode(namespace_name);
  }
  path += "/" + PercentEncode(resource.plural);
  if (!name.empty()) path += "/" + PercentEncode(name);
  if (!subresource.empty()) path += "/" + PercentEncode(subresource);
  return path;
}

Client::Client(std::unique_ptr<Transport> transport, std::chrono::milliseconds deadline)
    : transport_(std::move(transport)), deadline_(deadline) {}

Result<codec::JsonDocument> Client::Get(const Resource& resource, std::string_view namespace_name,
                                        std::string_view name) {
  if (Status status = CheckName(name); !status.ok()) return status;
  return Exchange(Request("GET", ResourcePath(resource, namespace_name, name)));
}

Result<std::string> Client::List(const Resource& resource, const ListOptions& options,
                                 const std::function<void(codec::JsonView object)>& visit) {
  std::string continue_token;
  do {
    Query query;
    query.Add("limit", options.limit > 0 ? std::to_string(options.limit) : "")
        .Add("labelSelector", options.label_selector)
        .Add("fieldSelector", options.field_selector)
        .Add("continue", continue_token);
    Result<codec::JsonDocument> page =
        Exchange(Request("GET", ResourcePath(resource, options.namespace_name) + query.text()));
    if (!page.ok()) return page.status();
    const codec::JsonView root = page->root();
    if (!root["items"].IsArray() && !root["items"].IsNull()) {
      return Status(StatusCode::kUnavailable, "the server answered a list without items");
    }
    root["items"].ForEachElement([&](std::size_t, codec::JsonView item) { visit(item); });
    const codec::JsonView metadata = root["metadata"];
    continue_token = metadata["continue"].StringOrEmpty();
    if (continue_token.empty()) return std::string(metadata["resourceVersion"].StringOrEmpty());
  } while (true);
}

Result<codec::JsonDocument> Client::Create(const Resource& resource,
                                           std::string_view namespace_name,
                                           const codec::Json& object) {
  Result<HttpRequest> request = WriteRequest(
      "POST", ResourcePath(resource, namespace_name) + WriteQuery(), kJsonType, object);
  if (!request.ok()) return request.status();
  return Exchange(std::move(*request));
}

Result<codec::JsonDocument> Client::Update(const Resource& resource,
                                           std::string_view namespace_name, std::string_view name,
                                           const codec::Json& object,
                                           std::string_view subresource) {
  if (Status status = CheckName(name); !status.ok()) return status;
  Result<HttpRequest> request =
      WriteRequest("PUT", ResourcePath(resource, namespace_name, name, subresource) + WriteQuery(),
                   kJsonType, object);
  if (!request.ok()) return request.status();
  return Exchange(std::move(*request));
}

Result<codec::JsonDocument> Client::Patch(const Resource& resource, std::string_view namespace_name,
                                          std::string_view name, PatchType type,
                                          const codec::Json& patch, std::string_view subresource,
                                          std::string_view field_manager) {
  if (Status status = CheckName(name); !status.ok()) return status;
  Result<HttpRequest> request = WriteRequest(
      "PATCH",
      ResourcePath(resource, namespace_name, name, subresource) + WriteQuery(field_manager),
      ContentType(type), patch);
  if (!request.ok()) return request.status();
  return Exchange(std::move(*request));
}

Result<codec::JsonDocument> Client::Delete(const Resource& resource,
                                           std::string_view namespace_name, std::string_view name,
                                           const DeleteOptions& options) {
  if (Status status = CheckName(name); !status.ok()) return status;
  Result<HttpRequest> request = WriteRequest("DELETE", ResourcePath(resource, namespace_name, name),
                                             kJsonType, DeleteBody(options));
  if (!request.ok()) return request.status();
  return Exchange(std::move(*request));
}

Result<codec::JsonDocument> Client::GetRaw(std::string_view target) {
  return Exchange(Request("GET", std::string(target)));
}

Result<std::string> Client::GetText(std::string_view target) {
  return ExchangeText(Request("GET", std::string(target)));
}

Result<std::string> Client::ExchangeText(HttpRequest request) {
  request.deadline = deadline_;
  Result<HttpResponse> response = transport_->Send(request);
  if (!response.ok()) return response.status();
  if (response->status < 200 || response->status > 299) return StatusFromResponse(*response);
  return std::move(response->body);
}

Result<codec::JsonDocument> Client::Exchange(HttpRequest request) {
  const Result<std::string> body = ExchangeText(std::move(request));
  if (!body.ok()) return body.status();
  Result<codec::JsonDocument> document = codec::JsonDocument::Parse(*body);
  if (document.ok()) return document;
  return Status(StatusCode::kUnavailable,
                "the server's answer is no JSON: " + document.status().message());
}

}  // namespace stockade::kube
