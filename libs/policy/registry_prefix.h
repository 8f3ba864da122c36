#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "policy/image_reference.h"

namespace stockade::policy {

// The beginning of image names that a policy allows: a registry, or a registry with a path. It is
// compared by whole segments, so that "ghcr.io/acme" covers "ghcr.io/acme/agent" and not
// "ghcr.io/acme-evil/agent".
class RegistryPrefix {
 public:
  // BadRequest says what is wrong with `text` and what to write instead.
  static Result<RegistryPrefix> Parse(std::string_view text);

  // False for an image that names no registry: which one it comes from is up to the node.
  [[nodiscard]] bool Covers(const ImageReference& image) const;

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;  // as it was written
  std::string host_;  // in lower case, with its port
  std::string path_;  // "acme/agents", or empty
};

}  // namespace stockade::policy
