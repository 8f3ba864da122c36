#include "codec/yaml_writer.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "codec/yaml_scalar.h"

namespace stockade::codec {
namespace {

bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Characters that never begin a mark of YAML inside a plain scalar of block style.
bool IsPlain(char c) {
  return IsAlphanumeric(c) ||
         std::string_view("-_./@%+=,()$~!*&<>^").find(c) != std::string_view::npos;
}

// Some readers make a date of it.
bool LooksLikeDate(std::string_view text) {
  return text.size() >= 8 && std::all_of(text.begin(), text.begin() + 4, IsDigit) && text[4] == '-';
}

bool CanBePlain(const std::string& text) {
  if (text.empty()) return false;
  if (!IsAlphanumeric(text.front()) && text.front() != '/' && text.front() != '_') return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool inside = i + 1 < text.size();
    // A space may stand between words; a colon or hash only where it cannot end a key or begin a
    // comment.
    if (text[i] == ' ' && inside && text[i + 1] != ' ' && text[i + 1] != '#') continue;
    if (text[i] == ':' && inside && text[i + 1] != ' ') continue;
    if (!IsPlain(text[i])) return false;
  }
  ResolvedScalar resolved;
  return ResolveScalar("?", text, resolved).empty() && resolved.kind == ScalarKind::kString &&
         !LooksLikeDate(text);
}

std::string Scalar(const Json& value) {
  if (!value.is_string()) return value.dump();
  const auto& text = value.get_ref<const std::string&>();
  return CanBePlain(text) ? text : value.dump();
}

bool IsBlock(const Json& value) { return value.is_structured() && !value.empty(); }

// Writes `value`, which is not empty, in lines that are indented by `indent`. With `started` the
// first one has its indentation, and what stands before it, already.
void WriteBlock(std::string& out, const Json& value, std::size_t indent, bool started) {
  const auto begin_line = [&] {
    if (!started) out.append(indent, ' ');
    started = false;
  };
  if (value.is_array()) {
    for (const Json& element : value) {
      begin_line();
      out += "- ";
      if (IsBlock(element)) {
        WriteBlock(out, element, indent + 2, /*started=*/true);
      } else {
        out += Scalar(element) + "\n";
      }
    }
    return;
  }
  for (const auto& [key, member] : value.items()) {
    begin_line();
    out += Scalar(Json(key)) + ":";
    if (!IsBlock(member)) {
      out += " " + Scalar(member) + "\n";
      continue;
    }
    out += '\n';
    // The elements of a list stand under their key, as kubectl writes them.
    WriteBlock(out, member, member.is_array() ? indent : indent + 2, /*started=*/false);
  }
}

}  // namespace

std::string ToYaml(const Json& value) {
  if (!IsBlock(value)) return Scalar(value) + "\n";
  std::string out;
  WriteBlock(out, value, 0, /*started=*/false);
  return out;
}

}  // namespace stockade::codec
