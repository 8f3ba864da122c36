#include "credentials/prepare.h"

#include <algorithm>
#include <string_view>

#include "base/files.h"
#include "base/strings.h"
#include "credentials/secret_value.h"
#include "credentials/write_file.h"

namespace stockade::credentials {
namespace {

// A profile as the tools of AWS write it, with nothing in it.
constexpr std::string_view kNoAwsCredentials = "[default]\n";

bool IsPassword(const Config& config, const std::string& file) {
  return std::ranges::any_of(config.derived, [&](const Derived& derived) {
    return derived.kind == DerivedKind::kBasic && derived.password_file == file;
  });
}

}  // namespace

std::vector<std::string> FindProblems(const Config& config) {
  std::vector<std::string> problems;
  for (const SecretKey& secret : config.secrets) {
    const Status status = CheckSecret(secret, !IsPassword(config, secret.file));
    if (!status.ok()) problems.push_back(status.message());
  }
  for (const Derived& derived : config.derived) {
    if (derived.kind == DerivedKind::kGoogle && derived.audience.empty()) {
      problems.push_back("credential \"" + derived.credential +
                         "\": the operator's configuration names no workload identity provider of "
                         "Google Cloud");
    }
  }
  return problems;
}

Status Prepare(const Config& config) {
  if (const auto problems = FindProblems(config); !problems.empty()) {
    return {StatusCode::kBadRequest, Join(problems, "; ")};
  }
  for (const Derived& derived : config.derived) {
    if (Status status = MakeDirectoryOf(derived.file); !status.ok()) return status;
    Status status;
    if (derived.kind == DerivedKind::kBasic) {
      const auto basic = EncodeBasic(derived.username, derived.password_file);
      status = basic.ok() ? ReplaceFile(derived.file, *basic) : basic.status();
    } else if (derived.kind == DerivedKind::kAws && !HasCredential(derived)) {
      status = ReplaceFile(derived.file, kNoAwsCredentials);
    }
    if (!status.ok()) return status;
  }
  return Status::Ok();
}

bool HasCredential(const Derived& derived) {
  const auto text = ReadSmallFile(derived.file);
  return text.ok() && !text->empty() && *text != kNoAwsCredentials;
}

Status CheckReady(const Config& config) {
  for (const Derived& derived : config.derived) {
    if (!HasCredential(derived)) {
      return {StatusCode::kUnavailable,
              "credential \"" + derived.credential + "\" is not there yet"};
    }
  }
  return Status::Ok();
}

}  // namespace stockade::credentials
