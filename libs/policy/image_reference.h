#pragma once

#include <optional>
#include <string_view>

namespace stockade::policy {

// An image reference in its parts, views into the text. Empty where a part is absent.
struct ImageReference {
  std::string_view registry;    // "ghcr.io", "localhost:5000"; empty means the runtime's default
  std::string_view repository;  // "acme/agent"
  std::string_view tag;         // "1.2"
  std::string_view digest;      // "sha256:..."
};

// The grammar of container runtimes (the distribution project's reference package):
// [registry[:port]/]repository[:tag][@digest], the name at most 255 bytes. Nothing when `text` is
// not of it. A digest is of sha256, sha384 or sha512, as go-digest knows them.
[[nodiscard]] std::optional<ImageReference> ParseImageReference(std::string_view text);

}  // namespace stockade::policy
