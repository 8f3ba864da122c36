#include "cli/convert_sandbox.h"

#include <array>
#include <string>
#include <string_view>

#include "api/names.h"
#include "cli/convert_fields.h"
#include "cli/json_edit.h"
#include "render/edit.h"

namespace stockade::cli {
namespace {

using codec::Json;
using render::Member;
using render::StringMember;

void SetOperatingMode(const Json& from, Json& spec, Account& account) {
  Copy(from, "operatingMode", spec);
  const Json& replicas = Member(from, "replicas");
  if (replicas.is_null()) return;
  if (replicas != 0 && replicas != 1) {
    account.concerns.push_back(
        {.field = "spec.replicas",
         .message = "replicas is " + ShownValue(replicas) +
                    ", but a sandbox is one pod or none: write one AgentSandbox for each"});
    return;
  }
  const bool runs = replicas == 1;
  if (!runs) spec["operatingMode"] = "Suspended";
  account.moved.push_back(
      {.field = "spec.replicas",
       .from = ShownValue(replicas),
       .to = std::string("spec.operatingMode: ") + (runs ? "Running, the default" : "Suspended"),
       .why = "a sandbox is one pod or none"});
}

}  // namespace

Json FromSandbox(const Json& sandbox, Account& account) {
  const Json& from = Member(sandbox, "spec");
  Json made = {{"apiVersion", api::kGroupVersion},
               {"kind", api::kAgentSandboxKind},
               {"metadata", MetadataOf(sandbox, account)},
               {"spec", Json::object()}};
  Json& spec = made["spec"];
  AddBlueprint(from, StringMember(sandbox, "apiVersion"), spec, account);
  SetOperatingMode(from, spec, account);
  for (const char* field : {"shutdownTime", "shutdownPolicy"}) {
    const Json& value = Member(from, field);
    if (value.is_null()) continue;
    spec["lifecycle"][field] = value;
    account.moved.push_back({.field = std::string("spec.") + field,
                             .from = ShownValue(value),
                             .to = std::string("spec.lifecycle.") + field,
                             .why = "it says when the sandbox ends, and what becomes of it"});
  }
  constexpr std::array<std::string_view, 7> kCarried = {
      "podTemplate", "volumeClaimTemplates", "service",       "operatingMode",
      "replicas",    "shutdownTime",         "shutdownPolicy"};
  LeaveOutRest(from, "spec", kCarried, {}, account);
  return made;
}

}  // namespace stockade::cli
