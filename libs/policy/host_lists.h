#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

// The hosts that an AgentSandboxPolicy lists, sorted once, so that a review only looks them up. The
// hosts that are asked for are those of a sandbox's entries: names in lower case, or "*." and a
// domain, which stands there for exactly one label below. Immutable.
namespace stockade::policy {

// Hosts that may be listed; "*.example.com" stands for exactly one label below, as in an entry.
class AllowedHosts {
 public:
  AllowedHosts() = default;
  explicit AllowedHosts(std::span<const std::string> hosts);

  // Whether every name that `host` stands for is allowed.
  [[nodiscard]] bool Covers(std::string_view host) const;

  // As they were written, the names first.
  [[nodiscard]] std::vector<std::string> Texts() const;

 private:
  std::vector<std::string> names_;
  std::vector<std::string> domains_;  // without "*."
};

// Hosts that may not be listed; "*.example.com" stands for every name below, however deep, since
// one more label would be a way past it.
class DeniedHosts {
 public:
  DeniedHosts() = default;
  explicit DeniedHosts(std::span<const std::string> hosts);

  [[nodiscard]] bool empty() const { return names_.empty() && domains_.empty(); }

  // The denied host that `host` is or lies below, as it was written; empty when there is none. Of
  // a wildcard all names are denied then.
  [[nodiscard]] std::string DenierOf(std::string_view host) const;

  // The denied names that `wildcard` stands for among others.
  [[nodiscard]] std::vector<std::string_view> NamesWithin(std::string_view wildcard) const;

 private:
  std::vector<std::string> names_;
  std::vector<std::string> domains_;  // without "*."
};

}  // namespace stockade::policy
