#include "policy/registry_prefix.h"

#include <algorithm>

#include "base/strings.h"
#include "policy/quoting.h"

namespace stockade::policy {
namespace {

// Runtimes take "docker.io/python" for "docker.io/library/python".
constexpr std::string_view kDockerHub = "docker.io";
constexpr std::string_view kDockerHubAlias = "index.docker.io";
constexpr std::string_view kOfficialImages = "library/";

// Nearly always written as it is here, or not at all the same.
bool SameHost(std::string_view image_host, std::string_view host) {
  if (image_host.size() != host.size()) return false;
  if (image_host == host) return true;
  return std::ranges::equal(image_host, host, [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

// "acme/agents" begins "acme/agents" and "acme/agents/web", but not "acme/agents-2".
bool BeginsPath(std::string_view prefix, std::string_view path) {
  return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

Status Bad(std::string_view text, std::string_view why) {
  return {StatusCode::kBadRequest, Quote(text) + " " + std::string(why)};
}

}  // namespace

Result<RegistryPrefix> RegistryPrefix::Parse(std::string_view text) {
  if (text.find("://") != std::string_view::npos) {
    return Bad(text, "begins with a scheme, which no image has; write it without");
  }
  if (text.find('*') != std::string_view::npos) {
    return Bad(text,
               "has a wildcard; write whole path segments, which cover everything below them, such "
               "as ghcr.io/acme");
  }
  if (text.ends_with('/')) return Bad(text, "ends with \"/\"; write it without");
  if (text.find('@') != std::string_view::npos) {
    return Bad(text, "has a digest; write a registry and path, and requireDigest for digests");
  }
  // A prefix is what makes an image's name once something follows.
  const std::string completed = std::string(text) + "/x";
  const auto image = ParseImageReference(completed);
  if (!image) {
    return Bad(text, "is no registry with a path; write for example ghcr.io/acme, without a tag");
  }
  if (image->registry.empty()) {
    return Bad(text,
               "names no registry, so that no image is covered; begin with its host, such as "
               "docker.io/acme");
  }
  RegistryPrefix prefix;
  prefix.text_ = text;
  prefix.host_ = ToLower(image->registry);
  if (image->repository.size() > 2) {
    prefix.path_ = image->repository.substr(0, image->repository.size() - 2);
  }
  return prefix;
}

bool RegistryPrefix::Covers(const ImageReference& image) const {
  if (image.registry.empty() || !SameHost(image.registry, host_)) return false;
  if (path_.empty()) return true;
  const bool official = image.repository.find('/') == std::string_view::npos &&
                        (host_ == kDockerHub || host_ == kDockerHubAlias);
  if (!official) return BeginsPath(path_, image.repository);
  return BeginsPath(path_, std::string(kOfficialImages).append(image.repository));
}

}  // namespace stockade::policy
