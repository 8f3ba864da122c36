#include "credentials/config.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <set>
#include <utility>

#include "codec/json.h"
#include "codec/object_reader.h"

namespace stockade::credentials {
namespace {

using codec::FieldError;
using codec::JsonView;
using codec::ObjectReader;

constexpr std::array<std::string_view, 3> kDerivedKinds = {"basic", "aws", "google"};
constexpr std::size_t kMaxSessionNameBytes = 64;
constexpr std::size_t kMaxRegionBytes = 32;

bool IsLetterOrDigit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool IsRegion(std::string_view text) {
  return !text.empty() && text.size() <= kMaxRegionBytes && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

// As AWS takes them.
bool IsSessionName(std::string_view text) {
  return text.size() >= 2 && text.size() <= kMaxSessionNameBytes &&
         std::ranges::all_of(text, [](char c) {
           return IsLetterOrDigit(c) ||
                  std::string_view("_+=,.@-").find(c) != std::string_view::npos;
         });
}

// RFC 7617: the first colon ends it.
bool IsUsername(std::string_view text) {
  return std::ranges::none_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f || c == ':';
  });
}

void ReadText(ObjectReader& reader, std::string_view key, std::string& out) {
  reader.String(key, out);
  reader.Require(key);
}

void ReadPath(ObjectReader& reader, std::string_view key, std::string& out) {
  ReadText(reader, key, out);
  if (!out.empty() && out.front() != '/') reader.AddError(key, "must be an absolute path");
}

SecretKey ReadSecret(JsonView value, const std::string& path, std::vector<FieldError>& errors) {
  SecretKey secret;
  ObjectReader reader(value, path, errors);
  ReadText(reader, "credential", secret.credential);
  ReadText(reader, "secret", secret.secret);
  ReadText(reader, "key", secret.key);
  ReadPath(reader, "file", secret.file);
  reader.Finish();
  return secret;
}

void ReadAws(ObjectReader& reader, Derived& derived) {
  ReadText(reader, "roleARN", derived.role_arn);
  ReadText(reader, "region", derived.region);
  if (!derived.region.empty() && !IsRegion(derived.region)) {
    reader.AddError("region", "must be a region of AWS, such as eu-central-1");
  }
  ReadText(reader, "sessionName", derived.session_name);
  if (!derived.session_name.empty() && !IsSessionName(derived.session_name)) {
    reader.AddError("sessionName", "must be from 2 to 64 of the characters A-Z a-z 0-9 _+=,.@-");
  }
  ReadPath(reader, "tokenFile", derived.token_file);
}

Derived ReadDerived(JsonView value, const std::string& path, std::vector<FieldError>& errors) {
  Derived derived;
  ObjectReader reader(value, path, errors);
  ReadText(reader, "credential", derived.credential);
  ReadPath(reader, "file", derived.file);
  std::size_t kind = kDerivedKinds.size();
  reader.Enum("kind", kDerivedKinds, kind);
  reader.Require("kind");
  if (kind == kDerivedKinds.size()) return derived;
  derived.kind = static_cast<DerivedKind>(kind);
  switch (derived.kind) {
    case DerivedKind::kBasic:
      ReadText(reader, "username", derived.username);
      if (!IsUsername(derived.username)) {
        reader.AddError("username", "must hold no colon and no control character");
      }
      ReadPath(reader, "passwordFile", derived.password_file);
      break;
    case DerivedKind::kAws:
      ReadAws(reader, derived);
      break;
    case DerivedKind::kGoogle:
      ReadText(reader, "audience", derived.audience);
      ReadPath(reader, "tokenFile", derived.token_file);
      break;
  }
  reader.Finish();
  return derived;
}

}  // namespace

Result<Config> ParseConfig(std::string_view text) {
  const auto document = codec::JsonDocument::Parse(text);
  if (!document.ok()) return document.status();
  std::vector<FieldError> errors;
  Config config;
  ObjectReader reader(document->root(), "", errors);
  reader.Array("secrets").ForEachElement([&](std::size_t i, JsonView value) {
    config.secrets.push_back(ReadSecret(value, "secrets[" + std::to_string(i) + "]", errors));
  });
  std::set<std::string> files;
  reader.Array("derived").ForEachElement([&](std::size_t i, JsonView value) {
    const std::string path = "derived[" + std::to_string(i) + "]";
    config.derived.push_back(ReadDerived(value, path, errors));
    const std::string& file = config.derived.back().file;
    if (!file.empty() && !files.insert(file).second) {
      errors.push_back({path + ".file", "another entry writes this file"});
    }
  });
  reader.Finish();
  if (!document->root().IsObject()) errors.push_back({"", "must be an object"});
  if (Status status = codec::ToStatus(errors); !status.ok()) return status;
  return config;
}

}  // namespace stockade::credentials
