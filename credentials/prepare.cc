#include "credentials/prepare.h"

#include <sys/stat.h>

#include <algorithm>

#include "base/strings.h"
#include "credentials/secret_value.h"
#include "credentials/write_file.h"

namespace stockade::credentials {
namespace {

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
    if (derived.kind != DerivedKind::kBasic) continue;
    const auto basic = EncodeBasic(derived.username, derived.password_file);
    if (!basic.ok()) return basic.status();
    if (Status status = ReplaceFile(derived.file, *basic); !status.ok()) return status;
  }
  return Status::Ok();
}

Status CheckReady(const Config& config) {
  for (const Derived& derived : config.derived) {
    struct stat info{};
    if (::stat(derived.file.c_str(), &info) != 0 || info.st_size == 0) {
      return {StatusCode::kUnavailable,
              "credential \"" + derived.credential + "\" is not there yet"};
    }
  }
  return Status::Ok();
}

}  // namespace stockade::credentials
