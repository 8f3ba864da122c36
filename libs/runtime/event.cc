#include "runtime/event.h"

#include <algorithm>
#include <cstdio>
#include <string_view>

#include "base/clock.h"
#include "base/digest.h"
#include "base/strings.h"

namespace stockade::runtime {
namespace {

using codec::Json;

constexpr std::size_t kMaxName = 253;
constexpr std::size_t kSuffix = 17;  // a dot and 16 digits

std::string ValidUtf8(const std::string& text) {
  return Json::parse(
             Json(text).dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace))
      .get<std::string>();
}

std::string Printable(const std::string& text) {
  std::string printable = ValidUtf8(text);
  std::ranges::replace_if(printable, [](char c) { return (c >= 0 && c < 0x20) || c == 0x7F; }, ' ');
  return printable;
}

Json Series(const EventSeries& series) {
  return {{"count", series.count}, {"lastObservedTime", FormatMicroTime(series.last)}};
}

Json Reference(const ObjectReference& object) {
  Json reference = {{"apiVersion", object.api_version},
                    {"kind", object.kind},
                    {"name", object.name},
                    {"uid", object.uid}};
  if (!object.namespace_name.empty()) reference["namespace"] = object.namespace_name;
  if (!object.resource_version.empty()) reference["resourceVersion"] = object.resource_version;
  return reference;
}

}  // namespace

Event Bounded(Event event) {
  event.note = Truncate(Printable(event.note), kMaxEventNote);
  event.reason = Truncate(Printable(event.reason), kMaxEventWord);
  event.action = Truncate(Printable(event.action), kMaxEventWord);
  return event;
}

std::string EventKey(const Event& event) {
  const ObjectReference& object = event.regarding;
  std::string all(event.type == EventType::kWarning ? "W" : "N");
  for (const std::string* part : {&object.api_version, &object.kind, &object.namespace_name,
                                  &object.name, &object.uid, &event.reason, &event.action}) {
    // None of these has a zero byte, so that no two lists of them read the same.
    all.append(*part).push_back('\0');
  }
  return Sha256Hex(all.append(event.note));
}

std::string EventName(const ObjectReference& regarding, std::uint64_t suffix) {
  std::string name = regarding.name.substr(0, kMaxName - kSuffix);
  // Names of RBAC objects may have colons, and a cut may leave a dot at the end.
  if (!IsDnsSubdomain(name)) name = "event";
  char text[kSuffix + 1];
  std::snprintf(text, sizeof(text), ".%016llx", static_cast<unsigned long long>(suffix));
  return name + text;
}

std::string EventNamespace(const ObjectReference& regarding) {
  return regarding.namespace_name.empty() ? "default" : regarding.namespace_name;
}

Json EventObject(const EventSeries& series, const std::string& controller,
                 const std::string& instance) {
  const Event& event = series.event;
  Json object = {
      {"apiVersion", kEvents.api_version()},
      {"kind", kEvents.kind},
      {"metadata", {{"name", series.name}, {"namespace", EventNamespace(event.regarding)}}},
      {"eventTime", FormatMicroTime(series.first)},
      {"reportingController", controller},
      {"reportingInstance", instance},
      {"action", event.action},
      {"reason", event.reason},
      {"regarding", Reference(event.regarding)},
      {"note", event.note},
      {"type", event.type == EventType::kWarning ? "Warning" : "Normal"},
  };
  // A series begins with the second occurrence.
  if (series.count > 1) object["series"] = Series(series);
  return object;
}

Json SeriesPatch(const EventSeries& series) { return {{"series", Series(series)}}; }

}  // namespace stockade::runtime
