#include "credentials/secret_value.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/base64.h"
#include "base/files.h"

namespace stockade::credentials {
namespace {

bool IsControl(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t') || byte == 0x7f;
}

Status Problem(const SecretKey& secret, const std::string& what) {
  return {StatusCode::kBadRequest, "credential \"" + secret.credential + "\": " + what};
}

}  // namespace

std::string_view WithoutLineBreaks(std::string_view value) {
  while (!value.empty() && (value.back() == '\n' || value.back() == '\r')) value.remove_suffix(1);
  return value;
}

Status CheckSecret(const SecretKey& secret, bool header) {
  const std::string name = "the Secret \"" + secret.secret + "\"";
  if (::access(secret.file.c_str(), F_OK) != 0 && errno == ENOENT) {
    return Problem(secret, name + " is not there, or has no key \"" + secret.key + "\"");
  }
  const auto text = ReadSmallFile(secret.file);
  if (!text.ok()) return Problem(secret, text.status().message());
  const std::string_view value = WithoutLineBreaks(*text);
  if (value.empty()) {
    return Problem(secret, "the key \"" + secret.key + "\" of " + name + " is empty");
  }
  if (header && std::ranges::any_of(value, IsControl)) {
    return Problem(secret, "the key \"" + secret.key + "\" of " + name +
                               " holds a line break or another control character, with which it "
                               "cannot be sent in a header");
  }
  return Status::Ok();
}

Result<std::string> EncodeBasic(std::string_view username, const std::string& password_file) {
  const auto text = ReadSmallFile(password_file);
  if (!text.ok()) return text.status();
  const std::string_view password = WithoutLineBreaks(*text);
  if (password.empty()) return Status(StatusCode::kBadRequest, password_file + " is empty");
  return EncodeBase64(std::string(username) + ":" + std::string(password));
}

}  // namespace stockade::credentials
