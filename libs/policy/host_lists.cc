#include "policy/host_lists.h"

#include <algorithm>
#include <functional>

#include "api/egress.h"

namespace stockade::policy {
namespace {

constexpr std::string_view kWildcard = "*.";

void Sort(std::span<const std::string> hosts, std::vector<std::string>& names,
          std::vector<std::string>& domains) {
  for (const std::string& host : hosts) {
    if (api::IsWildcardHost(host)) {
      domains.push_back(host.substr(kWildcard.size()));
    } else {
      names.push_back(host);
    }
  }
  std::ranges::sort(names);
  std::ranges::sort(domains);
}

bool Holds(const std::vector<std::string>& sorted, std::string_view text) {
  return std::binary_search(sorted.begin(), sorted.end(), text, std::less<>{});
}

// What follows the first label; empty when nothing does.
std::string_view Parent(std::string_view name) {
  const std::size_t dot = name.find('.');
  return dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
}

}  // namespace

AllowedHosts::AllowedHosts(std::span<const std::string> hosts) { Sort(hosts, names_, domains_); }

bool AllowedHosts::Covers(std::string_view host) const {
  if (!api::IsWildcardHost(host) && Holds(names_, host)) return true;
  return !domains_.empty() && Holds(domains_, Parent(host));
}

std::vector<std::string> AllowedHosts::Texts() const {
  std::vector<std::string> texts = names_;
  for (const std::string& domain : domains_) texts.push_back(std::string(kWildcard) + domain);
  return texts;
}

DeniedHosts::DeniedHosts(std::span<const std::string> hosts) { Sort(hosts, names_, domains_); }

std::string DeniedHosts::DenierOf(std::string_view host) const {
  if (!api::IsWildcardHost(host) && Holds(names_, host)) return std::string(host);
  if (domains_.empty()) return {};
  for (std::string_view domain = Parent(host); !domain.empty(); domain = Parent(domain)) {
    if (Holds(domains_, domain)) return std::string(kWildcard).append(domain);
  }
  return {};
}

std::vector<std::string_view> DeniedHosts::NamesWithin(std::string_view wildcard) const {
  std::vector<std::string_view> within;
  for (const std::string& name : names_) {
    if (api::CoversHost(wildcard, name)) within.push_back(name);
  }
  return within;
}

}  // namespace stockade::policy
