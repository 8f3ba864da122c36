#include "cli/json_edit.h"

#include <charconv>
#include <cstddef>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "policy/quoting.h"

namespace stockade::cli {
namespace {

using codec::Json;

constexpr std::size_t kShownBytes = 80;

// Whether a path may go on with `rest` behind a member's name.
bool EndsName(std::string_view rest) {
  return rest.empty() || rest.front() == '.' || rest.front() == '[';
}

// Takes "[3]" off the path.
std::optional<std::size_t> TakeIndex(std::string_view& path) {
  const std::size_t end = path.find(']');
  if (end == path.npos) return std::nullopt;
  std::size_t index = 0;
  const auto read = std::from_chars(path.data() + 1, path.data() + end, index);
  if (read.ec != std::errc() || read.ptr != path.data() + end) return std::nullopt;
  path.remove_prefix(end + 1);
  return index;
}

// Takes "[key]" off the path.
const Json* TakeKey(const Json& object, std::string_view& path) {
  for (const auto& [key, member] : object.items()) {
    const std::string written = policy::KeyedPath("", key);
    if (!path.starts_with(written)) continue;
    path.remove_prefix(written.size());
    return &member;
  }
  return nullptr;
}

// Takes a member's name off the path; of several that fit, the longest one.
const Json* TakeMember(const Json& object, std::string_view& path) {
  const std::string_view word = path.substr(0, path.find_first_of(".["));
  if (const auto found = object.find(word); found != object.end()) {
    path.remove_prefix(word.size());
    return &*found;
  }
  const Json* best = nullptr;
  std::size_t length = 0;
  for (const auto& [key, member] : object.items()) {
    if (key.size() <= length || !path.starts_with(key) || !EndsName(path.substr(key.size()))) {
      continue;
    }
    best = &member;
    length = key.size();
  }
  path.remove_prefix(length);
  return best;
}

}  // namespace

const Json* FindField(const Json& root, std::string_view path) {
  const Json* at = &root;
  while (at != nullptr && !path.empty()) {
    if (path.front() == '.') path.remove_prefix(1);
    if (path.empty()) return nullptr;
    if (at->is_array()) {
      if (path.front() != '[') return nullptr;
      const auto index = TakeIndex(path);
      if (!index || *index >= at->size()) return nullptr;
      at = &(*at)[*index];
    } else if (at->is_object()) {
      at = path.front() == '[' ? TakeKey(*at, path) : TakeMember(*at, path);
    } else {
      return nullptr;
    }
  }
  return at;
}

Json* FindField(Json& root, std::string_view path) {
  // What is found in a document that may be edited may be edited.
  return const_cast<Json*>(FindField(std::as_const(root), path));
}

// No text that is read as JSON or YAML becomes a binary value.
void MarkRemoved(Json& value) { value = Json::binary({}); }

bool IsMarkedRemoved(const Json& value) { return value.is_binary(); }

bool Sweep(Json& value) {
  bool removed = false;
  const auto goes = [&removed](Json& part) {
    const bool gone = IsMarkedRemoved(part) || Sweep(part);
    removed = removed || gone;
    return gone;
  };
  if (value.is_array()) {
    std::erase_if(value.get_ref<Json::array_t&>(), goes);
  } else if (value.is_object()) {
    for (auto member = value.begin(); member != value.end();) {
      member = goes(*member) ? value.erase(member) : std::next(member);
    }
  }
  return removed && value.empty();
}

std::string ShownValue(const Json& value) {
  if (value.is_null()) return "unset";
  if (value.is_string()) return policy::Quote(value.get_ref<const std::string&>());
  return Truncate(value.dump(-1, ' ', /*ensure_ascii=*/true), kShownBytes);
}

}  // namespace stockade::cli
