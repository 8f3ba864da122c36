#include "schema/validation_rules.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "api/quantity.h"
#include "base/strings.h"

namespace stockade::schema {
namespace {

using codec::JsonView;

bool Has(JsonView value) { return !value.IsUnset(); }

// Go's netip.ParsePrefix, as Kubernetes' CEL library calls it: no leading zeros, no zone, no IPv4
// address inside an IPv6 one.
bool IsCidr(JsonView self) {
  const auto text = self.AsString();
  if (!text) return true;
  const std::size_t slash = text->rfind('/');
  if (slash == std::string_view::npos) return false;
  const std::string address(text->substr(0, slash));
  const std::string_view bits = text->substr(slash + 1);
  if (bits.empty() || bits.size() > 3 || (bits.size() > 1 && bits.front() == '0')) return false;
  if (!std::ranges::all_of(bits, [](char c) { return c >= '0' && c <= '9'; })) return false;
  // An address is text without a NUL; inet_pton would stop there.
  if (address.find('\0') != std::string::npos) return false;
  const int count = std::stoi(std::string(bits));
  in_addr four{};
  if (::inet_pton(AF_INET, address.c_str(), &four) == 1) return count <= 32;
  in6_addr six{};
  if (::inet_pton(AF_INET6, address.c_str(), &six) != 1) return false;
  constexpr std::array<unsigned char, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  return count <= 128 && std::memcmp(six.s6_addr, kMapped.data(), kMapped.size()) != 0;
}

bool PeerIsOfOneSort(JsonView self) {
  return Has(self["ipBlock"]) != (Has(self["podSelector"]) || Has(self["namespaceSelector"]));
}

// A DNS label of at most `limit` bytes.
bool IsLabelUpTo(std::size_t limit, std::string_view name) {
  return name.size() <= limit && IsDnsLabel(name);
}

bool IsPort(JsonView self) {
  if (const auto number = self.AsInt()) return *number >= 1 && *number <= 65535;
  const auto name = self.AsString();
  return !name || IsLabelUpTo(15, *name);
}

bool EndPortFollowsPort(JsonView self) {
  if (!Has(self["endPort"])) return true;
  const auto port = self["port"].AsInt();
  const auto end = self["endPort"].AsInt();
  return port && (!end || *end >= *port);
}

bool IsShortestPath(JsonView self) {
  const auto path = self.AsString();
  if (!path) return true;
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  if (std::ranges::any_of(*path, is_control)) return false;
  const std::vector<std::string_view> segments = Split(*path, '/');
  // What stands before the first slash is not looked at.
  return std::none_of(segments.begin() + 1, segments.end(), [](std::string_view segment) {
    return segment.empty() || segment == "." || segment == "..";
  });
}

bool HasNoReservedPrefix(JsonView self) { return !self.StringOrEmpty().starts_with("stockade-"); }

bool IsAboveZero(JsonView self) {
  if (!self.IsString() && !self.AsInt()) return true;
  const auto quantity = api::Quantity::FromJson(self);
  return quantity.ok() && !quantity->IsNegative() && !quantity->IsZero();
}

template <std::size_t N>
bool HasExactlyOneOf(JsonView self, const std::array<std::string_view, N>& members) {
  return std::ranges::count_if(members, [self](auto member) { return Has(self[member]); }) == 1;
}

bool HasOneSource(JsonView self) {
  return HasExactlyOneOf<5>(
      self, {"persistentVolumeClaim", "volumeClaimTemplate", "configMap", "image", "empty"});
}

bool HasOneProvider(JsonView self) {
  return HasExactlyOneOf<5>(self, {"anthropic", "bedrock", "vertex", "foundry", "custom"});
}

bool HasOneKindOfCredential(JsonView self) {
  return HasExactlyOneOf<3>(self, {"header", "basicAuth", "aws"});
}

bool HasUrlOrCommand(JsonView self) { return HasExactlyOneOf<2>(self, {"url", "command"}); }

bool CredentialIsNotOverATunnel(JsonView self) {
  return !Has(self["credential"]) || self["tls"].StringOrEmpty() != "Tunnel";
}

bool CredentialIsNotForAWildcard(JsonView self) {
  return !Has(self["credential"]) || !self["host"].StringOrEmpty().starts_with('*');
}

std::string_view AccessOf(JsonView mount) {
  return Has(mount["access"]) ? mount["access"].StringOrEmpty() : "ReadOnly";
}

bool EphemeralMeansEmpty(JsonView self) {
  return (AccessOf(self) == "Ephemeral") == Has(self["empty"]);
}

bool PersistentHasClaim(JsonView self) {
  return AccessOf(self) != "Persistent" || Has(self["persistentVolumeClaim"]) ||
         Has(self["volumeClaimTemplate"]);
}

bool SizeLimitIsOfEmpty(JsonView self) { return !Has(self["sizeLimit"]) || Has(self["empty"]); }

// Whether no two elements have the same text; those without one do not count.
template <typename TextOf>
bool AllDiffer(JsonView list, TextOf text_of) {
  std::set<std::string_view> seen;
  bool differ = true;
  list.ForEachElement([&](std::size_t, JsonView element) {
    const std::optional<std::string_view> text = text_of(element);
    if (text && !seen.insert(*text).second) differ = false;
  });
  return differ;
}

bool MountPathsDiffer(JsonView self) {
  return AllDiffer(self, [](JsonView mount) { return mount["mountPath"].AsString(); });
}

bool TemplateNamesDiffer(JsonView self) {
  return AllDiffer(self, [](JsonView claim) { return claim["metadata"]["name"].AsString(); });
}

bool SeveralPortsHaveNames(JsonView self) {
  if (self.size() <= 1) return true;
  bool named = true;
  self.ForEachElement([&named](std::size_t, JsonView port) { named = named && Has(port["name"]); });
  return named && AllDiffer(self, [](JsonView port) { return port["name"].AsString(); });
}

bool MountedTemplatesExist(JsonView self) {
  std::set<std::string_view> names;
  self["volumeClaimTemplates"].ForEachElement([&names](std::size_t, JsonView claim) {
    names.insert(claim["metadata"]["name"].StringOrEmpty());
  });
  bool exist = true;
  self["mounts"].ForEachElement([&](std::size_t, JsonView mount) {
    const auto name = mount["volumeClaimTemplate"]["name"].AsString();
    if (name && !names.contains(*name)) exist = false;
  });
  return exist;
}

bool NameFitsASandbox(JsonView self) {
  const auto name = self["metadata"]["name"].AsString();
  return !name || IsLabelUpTo(50, *name);
}

bool NameFitsAPool(JsonView self) {
  const auto name = self["metadata"]["name"].AsString();
  return !name || IsLabelUpTo(44, *name);
}

bool NamesTemplateOrPool(JsonView self) {
  return HasExactlyOneOf<2>(self, {"templateRef", "poolRef"});
}

bool IsRunning(JsonView self) { return !self.IsString() || self.StringOrEmpty() == "Running"; }

bool KeepsNoVolumes(JsonView self) {
  return !Has(self["volumePolicy"]) || self["volumePolicy"].StringOrEmpty() == "Delete";
}

bool StaysAtItsEnd(JsonView self) {
  return !Has(self["shutdownPolicy"]) || self["shutdownPolicy"].StringOrEmpty() == "Retain";
}

bool HasNoShutdownTime(JsonView self) { return !Has(self["shutdownTime"]); }

// A rule about updates, and offline nobody knows what was before.
bool StaysAsItIs(JsonView /*self*/) { return true; }

bool OperatorFitsValues(JsonView self) {
  const std::string_view op = self["operator"].StringOrEmpty();
  const bool has_values = !self["values"].empty();
  return op == "In" || op == "NotIn" ? has_values : !has_values;
}

bool IsRegistryPath(JsonView self) {
  const std::string_view text = self.StringOrEmpty();
  for (const std::string_view part : {"*", "://", "@"}) {
    if (text.find(part) != std::string_view::npos) return false;
  }
  return !text.ends_with('/');
}

// Of what is not set the schema's defaults count.
bool LongestWaitIsNotTheShorter(JsonView self) {
  const auto seconds_of = [self](const char* name, std::int64_t unset) {
    return Has(self[name]) ? self[name].AsInt() : std::optional<std::int64_t>(unset);
  };
  const auto first = seconds_of("initialSeconds", 10);
  const auto longest = seconds_of("maxSeconds", 300);
  return !first || !longest || *longest >= *first;
}

bool SaysWhatBecomesOfTheIdle(JsonView self) {
  return Has(self["suspendAfterSeconds"]) || Has(self["deleteAfterSeconds"]);
}

bool DeletesAfterItSuspends(JsonView self) {
  const auto suspend = self["suspendAfterSeconds"].AsInt();
  const auto remove = self["deleteAfterSeconds"].AsInt();
  return !suspend || !remove || *remove > *suspend;
}

constexpr std::array kEquivalents = {
    RuleEquivalent{"isCIDR(self)", IsCidr},
    RuleEquivalent{"has(self.ipBlock) != (has(self.podSelector) || has(self.namespaceSelector))",
                   PeerIsOfOneSort},
    RuleEquivalent{"type(self) == int ? self >= 1 && self <= 65535 : "
                   "self.matches('^[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?$')",
                   IsPort},
    RuleEquivalent{"!has(self.endPort) || (has(self.port) && type(self.port) == int && "
                   "self.endPort >= self.port)",
                   EndPortFollowsPort},
    RuleEquivalent{"!self.matches('/[.]{0,2}(/|$)|[[:cntrl:]]')", IsShortestPath},
    RuleEquivalent{"!self.startsWith('stockade-')", HasNoReservedPrefix},
    RuleEquivalent{"type(self) == int ? self > 0 : (isQuantity(self) && "
                   "quantity(self).isGreaterThan(quantity('0')))",
                   IsAboveZero},
    RuleEquivalent{"[has(self.persistentVolumeClaim), has(self.volumeClaimTemplate), "
                   "has(self.configMap), has(self.image), has(self.empty)].filter(isSet, "
                   "isSet).size() == 1",
                   HasOneSource},
    RuleEquivalent{"[has(self.anthropic), has(self.bedrock), has(self.vertex), has(self.foundry), "
                   "has(self.custom)].filter(x, x).size() == 1",
                   HasOneProvider},
    RuleEquivalent{
        "[has(self.header), has(self.basicAuth), has(self.aws)].filter(x, x).size() == 1",
        HasOneKindOfCredential},
    RuleEquivalent{"[has(self.url), has(self.command)].filter(x, x).size() == 1", HasUrlOrCommand},
    RuleEquivalent{"!(has(self.credential) && self.tls == 'Tunnel')", CredentialIsNotOverATunnel},
    RuleEquivalent{"!(has(self.credential) && self.host.startsWith('*'))",
                   CredentialIsNotForAWildcard},
    RuleEquivalent{"(self.access == 'Ephemeral') == has(self.empty)", EphemeralMeansEmpty},
    RuleEquivalent{"self.access != 'Persistent' || has(self.persistentVolumeClaim) || "
                   "has(self.volumeClaimTemplate)",
                   PersistentHasClaim},
    RuleEquivalent{"!has(self.sizeLimit) || has(self.empty)", SizeLimitIsOfEmpty},
    RuleEquivalent{"self.all(m, self.exists_one(n, n.mountPath == m.mountPath))", MountPathsDiffer},
    RuleEquivalent{"self.all(t, self.exists_one(u, u.metadata.name == t.metadata.name))",
                   TemplateNamesDiffer},
    RuleEquivalent{"self.size() == 1 || self.all(p, has(p.name) && self.exists_one(q, has(q.name) "
                   "&& q.name == p.name))",
                   SeveralPortsHaveNames},
    RuleEquivalent{"!has(self.mounts) || self.mounts.all(m, !has(m.volumeClaimTemplate) || "
                   "(has(self.volumeClaimTemplates) && self.volumeClaimTemplates.exists(t, "
                   "t.metadata.name == m.volumeClaimTemplate.name)))",
                   MountedTemplatesExist},
    RuleEquivalent{"self.metadata.name.matches('^[a-z0-9]([-a-z0-9]{0,48}[a-z0-9])?$')",
                   NameFitsASandbox},
    RuleEquivalent{"self.metadata.name.matches('^[a-z0-9]([-a-z0-9]{0,42}[a-z0-9])?$')",
                   NameFitsAPool},
    RuleEquivalent{"has(self.templateRef) != has(self.poolRef)", NamesTemplateOrPool},
    RuleEquivalent{"self == 'Running'", IsRunning},
    RuleEquivalent{"!has(self.volumePolicy) || self.volumePolicy == 'Delete'", KeepsNoVolumes},
    RuleEquivalent{"!has(self.shutdownPolicy) || self.shutdownPolicy == 'Retain'", StaysAtItsEnd},
    RuleEquivalent{"!has(self.shutdownTime)", HasNoShutdownTime},
    RuleEquivalent{"has(self.templateRef) == has(oldSelf.templateRef) && (!has(self.templateRef) "
                   "|| self.templateRef == oldSelf.templateRef) && has(self.poolRef) == "
                   "has(oldSelf.poolRef) && (!has(self.poolRef) || self.poolRef == "
                   "oldSelf.poolRef)",
                   StaysAsItIs},
    RuleEquivalent{
        "has(self.env) == has(oldSelf.env) && (!has(self.env) || self.env == oldSelf.env)",
        StaysAsItIs},
    RuleEquivalent{"has(self.podMetadata) == has(oldSelf.podMetadata) && "
                   "(!has(self.podMetadata) || self.podMetadata == oldSelf.podMetadata)",
                   StaysAsItIs},
    RuleEquivalent{"self.operator in ['In', 'NotIn'] ? has(self.values) && size(self.values) > 0 : "
                   "!has(self.values) || size(self.values) == 0",
                   OperatorFitsValues},
    RuleEquivalent{"!self.contains('*') && !self.contains('://') && !self.contains('@') && "
                   "!self.endsWith('/')",
                   IsRegistryPath},
    RuleEquivalent{"self.maxSeconds >= self.initialSeconds", LongestWaitIsNotTheShorter},
    RuleEquivalent{"has(self.suspendAfterSeconds) || has(self.deleteAfterSeconds)",
                   SaysWhatBecomesOfTheIdle},
    RuleEquivalent{"!has(self.suspendAfterSeconds) || !has(self.deleteAfterSeconds) || "
                   "self.deleteAfterSeconds > self.suspendAfterSeconds",
                   DeletesAfterItSuspends},
};

}  // namespace

std::span<const RuleEquivalent> RuleEquivalents() { return kEquivalents; }

const RuleEquivalent* FindRuleEquivalent(std::string_view rule) {
  for (const RuleEquivalent& equivalent : kEquivalents) {
    if (equivalent.rule == rule) return &equivalent;
  }
  return nullptr;
}

}  // namespace stockade::schema
