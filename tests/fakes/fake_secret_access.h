#pragma once

#include <set>
#include <string>

#include "webhook/secret_access.h"

namespace stockade::testing {

// Everybody may read every Secret but those that a test names. To be filled before any thread asks.
class FakeSecretAccess : public webhook::SecretAccess {
 public:
  std::set<std::string> refused;
  Status known;  // every question gets this answer unless it is ok

  [[nodiscard]] Result<std::set<std::string>> NotReadable(
      codec::JsonView, std::string_view, const std::set<std::string>& secrets) const override {
    asked.insert(secrets.begin(), secrets.end());
    if (!known.ok()) return known;
    std::set<std::string> found;
    for (const std::string& secret : secrets) {
      if (refused.contains(secret)) found.insert(secret);
    }
    return found;
  }

  mutable std::set<std::string> asked;  // of one thread
};

}  // namespace stockade::testing
