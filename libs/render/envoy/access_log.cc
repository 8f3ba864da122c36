#include "render/envoy/access_log.h"

#include <string>
#include <utility>

#include "render/envoy/messages.h"

namespace stockade::render::envoy {
namespace {

using codec::Json;

Json CommonFields(std::string_view kind) {
  return {{"time", "%START_TIME%"},
          {"kind", kind},
          {"server_name", "%REQUESTED_SERVER_NAME%"},
          {"bytes_received", "%BYTES_RECEIVED%"},
          {"bytes_sent", "%BYTES_SENT%"},
          {"duration_ms", "%DURATION%"},
          {"flags", "%RESPONSE_FLAGS%"}};
}

std::string State(std::string_view key) {
  return "%FILTER_STATE(" + std::string(key) + ":PLAIN):512%";
}

Json Log(Json fields) {
  return Extension("envoy.access_loggers.stdout", "access_loggers.stream.v3.StdoutAccessLog",
                   {{"log_format", {{"json_format", std::move(fields)}}}});
}

// Of the requests that came too often one in a hundred, or a flood of them would be one of lines.
Json BoundedFilter() {
  Json others = {{"extension_filter",
                  Extension("envoy.access_loggers.extension_filters.cel",
                            "access_loggers.filters.cel.v3.ExpressionFilter",
                            {{"expression", "response.code_details != 'local_rate_limited'"}})}};
  Json sample = {{"runtime_filter",
                  {{"runtime_key", "stockade.log_too_often"},
                   {"percent_sampled", {{"numerator", 1}, {"denominator", "HUNDRED"}}},
                   {"use_independent_randomness", true}}}};
  return {{"or_filter", {{"filters", Json::array({std::move(others), std::move(sample)})}}}};
}

}  // namespace

Json RequestLog(std::string_view kind) {
  Json fields = CommonFields(kind);
  fields["sandbox"] = State(kSandboxState);
  fields["host"] = "%REQ(:AUTHORITY):260%";
  fields["method"] = "%REQ(:METHOD):32%";
  fields["path"] = "%PATH(NQ:PATH):1024%";
  fields["status"] = "%RESPONSE_CODE%";
  fields["rule"] = "%ROUTE_NAME%";
  fields["details"] = "%RESPONSE_CODE_DETAILS%";
  fields["upstream"] = "%UPSTREAM_HOST%";
  Json log = Log(std::move(fields));
  log["filter"] = BoundedFilter();
  return Json::array({std::move(log)});
}

Json ConnectionLog(std::string_view kind, std::string_view rule) {
  Json fields = CommonFields(kind);
  fields["sandbox"] = State(kSandboxState);
  fields["host"] = State(kAuthorityState);
  fields["rule"] = rule;
  fields["details"] = "%CONNECTION_TERMINATION_DETAILS%";
  return Json::array({Log(std::move(fields))});
}

}  // namespace stockade::render::envoy
