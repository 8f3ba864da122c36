#include "webhook/watched_namespaces.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "api/watch_namespaces.h"
#include "base/strings.h"
#include "webhook/review_checks.h"
#include "webhook/verdict.h"

namespace stockade::webhook {
namespace {

constexpr std::size_t kNamespacesToName = 10;

std::string Names(const std::vector<std::string>& watched) {
  const std::size_t named = std::min(watched.size(), kNamespacesToName);
  std::string text = Join(std::span(watched).first(named), ", ");
  if (watched.size() > named) text += " and " + std::to_string(watched.size() - named) + " more";
  return text;
}

}  // namespace

AdmissionHandler WithinNamespaces(std::vector<std::string> watched, AdmissionHandler handler) {
  if (watched.empty()) return handler;
  return [watched = std::move(watched),
          handler = std::move(handler)](const AdmissionRequest& request) {
    if (api::IsWatched(watched, request.namespace_name)) return handler(request);
    if (OnlyLetsGo(request)) return Allow();
    return Refuse(request, Describe(request) +
                               " is in a namespace that Stockade does not look after here; create "
                               "it in one of " +
                               Names(watched) +
                               ", or have the namespace added to watchNamespaces of the release");
  };
}

}  // namespace stockade::webhook
