#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace stockade {

// RFC 4648 base64 with padding.
[[nodiscard]] std::string EncodeBase64(std::string_view bytes);

// Nothing when the text is no base64 with padding; line breaks are skipped, as Go does for
// kubeconfigs.
[[nodiscard]] std::optional<std::string> DecodeBase64(std::string_view text);

}  // namespace stockade
