#include <algorithm>
#include <array>
#include <string>

#include "base/strings.h"
#include "policy/quoting.h"
#include "policy/report.h"
#include "policy/rule_groups.h"
#include "policy/subject.h"

// Rules for environment variables that load code or redirect traffic.
namespace stockade::policy {
namespace {

using codec::JsonView;

// Read by the dynamic linker and the C library of every program that starts.
constexpr std::string_view kLinkerPrefix = "LD_";
constexpr std::array<std::string_view, 2> kLinkerNames = {"GLIBC_TUNABLES", "GCONV_PATH"};

// Variables that the operator sets, and the spellings of them that clients read as well.
constexpr std::array<std::string_view, 16> kOperatorNames = {
    "HTTP_PROXY",     "HTTPS_PROXY",         "NO_PROXY",
    "ALL_PROXY",      "FTP_PROXY",           "WS_PROXY",
    "WSS_PROXY",      "NODE_USE_ENV_PROXY",  "SSL_CERT_FILE",
    "SSL_CERT_DIR",   "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE", "GIT_SSL_CAINFO",      "PIP_CERT",
    "AWS_CA_BUNDLE"};

char Upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

bool StartsWithIgnoringCase(std::string_view text, std::string_view upper_prefix) {
  return text.size() >= upper_prefix.size() &&
         std::ranges::equal(text.substr(0, upper_prefix.size()), upper_prefix, {}, Upper);
}

bool EqualsIgnoringCase(std::string_view text, std::string_view upper) {
  return text.size() == upper.size() && StartsWithIgnoringCase(text, upper);
}

// Names may hold any printable character, and some programs trim them: white space around a name
// and the case of its letters make no difference here.
bool IsLinkerName(std::string_view name) {
  name = TrimSpace(name);
  return StartsWithIgnoringCase(name, kLinkerPrefix) ||
         std::ranges::any_of(kLinkerNames, [name](std::string_view linker_name) {
           return EqualsIgnoringCase(name, linker_name);
         });
}

bool IsOperatorName(std::string_view name) {
  name = TrimSpace(name);
  return std::ranges::any_of(kOperatorNames, [name](std::string_view operator_name) {
    return EqualsIgnoringCase(name, operator_name);
  });
}

// Whether a key could follow `prefix` so that both make `name`: "L" and "D_PRELOAD" do.
bool CanBegin(std::string_view prefix, std::string_view name) {
  prefix = TrimSpace(prefix);
  return prefix.size() <= name.size() &&
         StartsWithIgnoringCase(prefix, name.substr(0, prefix.size()));
}

bool CanBeginLinkerName(std::string_view prefix) {
  return IsLinkerName(prefix) || CanBegin(prefix, kLinkerPrefix) ||
         std::ranges::any_of(kLinkerNames,
                             [prefix](std::string_view name) { return CanBegin(prefix, name); });
}

bool CanBeginOperatorName(std::string_view prefix) {
  return std::ranges::any_of(kOperatorNames,
                             [prefix](std::string_view name) { return CanBegin(prefix, name); });
}

void CheckDynamicLinkerEnv(const Subject& s, Report& report) {
  for (const Container& c : s.containers) {
    c.env.ForEachElement([&](std::size_t index, JsonView variable) {
      const JsonView name = variable["name"];
      if (IsLinkerName(name.StringOrEmpty())) {
        report.Add(c.Path("env", index, "name"),
                   Quote(name) + " changes the code that every program of the container loads");
      }
    });
    c.envFrom.ForEachElement([&](std::size_t index, JsonView source) {
      const std::string_view prefix = source["prefix"].StringOrEmpty();
      if (!CanBeginLinkerName(prefix)) return;
      const std::string problem =
          TrimSpace(prefix).empty()
              ? "without a prefix, its keys could be LD_PRELOAD or a variable of the operator"
              : "the prefix " + Quote(prefix) +
                    " and a key could make the name of a variable that "
                    "the dynamic linker reads";
      report.Add(c.Path("envFrom", index, "prefix"), problem,
                 "use another prefix, such as APP_, or list the variables in env");
    });
  }
}

void CheckProxyEnv(const Subject& s, Report& report) {
  for (const Container& c : s.containers) {
    c.env.ForEachElement([&](std::size_t index, JsonView variable) {
      const JsonView name = variable["name"];
      if (IsOperatorName(name.StringOrEmpty())) {
        report.Add(c.Path("env", index, "name"), Quote(name) + " is set by the operator");
      }
    });
    c.envFrom.ForEachElement([&](std::size_t index, JsonView source) {
      const std::string_view prefix = source["prefix"].StringOrEmpty();
      if (CanBeginLinkerName(prefix) || !CanBeginOperatorName(prefix)) return;
      report.Add(c.Path("envFrom", index, "prefix"),
                 "the prefix " + Quote(prefix) +
                     " and a key could make the name of a variable that the operator sets",
                 "use another prefix, such as APP_, or list the variables in env");
    });
  }
}

constexpr std::array kRules = {
    Rule{.code = "DynamicLinkerEnv",
         .check = CheckDynamicLinkerEnv,
         .fields = "every container's env[].name and envFrom[].prefix",
         .summary = "LD_PRELOAD and its kin put code into every program that a container starts. A "
                    "ConfigMap can carry them, so envFrom needs a prefix that cannot begin one.",
         .remedy = "remove the variable, or set it in a script of the image for the one program "
                   "that needs it",
         .references = {.cve = "CVE-2023-4911", .principle = Principle::kDefenceInDepth}},
    Rule{.code = "ProxyEnv",
         .judges = JudgedObject::kSandbox,
         .check = CheckProxyEnv,
         .fields = "every container's env[].name and envFrom[].prefix",
         .summary = "The variables for proxies and certificate authorities are the operator's, in "
                    "whatever case: another value would lead the agent's traffic past its gateway, "
                    "into a wall.",
         .remedy = "remove the variable",
         .references = {.principle = Principle::kIsolation}},
};

}  // namespace

std::span<const Rule> EnvRules() { return kRules; }

}  // namespace stockade::policy
