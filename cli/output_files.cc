#include "cli/output_files.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/strings.h"
#include "render/edit.h"

namespace stockade::cli {
namespace {

namespace fs = std::filesystem;

using codec::Json;
using render::Member;
using render::StringMember;

// With ".yaml" and a number behind it shorter than any file system's limit.
constexpr std::size_t kMaxNameBytes = 200;

std::string FileSafe(std::string_view text) {
  std::string safe = ToLower(text.substr(0, kMaxNameBytes));
  std::ranges::replace_if(
      safe,
      [](char c) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        return !letter && c != '-' && c != '.';
      },
      '-');
  return safe;
}

std::string NameOf(const Json& object) {
  const Json& metadata = Member(object, "metadata");
  std::string_view name = StringMember(metadata, "name");
  if (name.empty()) name = StringMember(metadata, "generateName");
  std::string file = FileSafe(StringMember(object, "kind"));
  for (const std::string_view part : {StringMember(metadata, "namespace"), name}) {
    if (!part.empty()) file += "-" + FileSafe(part);
  }
  return file.substr(0, kMaxNameBytes);
}

Status Failure(const fs::path& path, const std::string& what) {
  return {StatusCode::kBadRequest, "cannot write " + path.string() + ": " + what};
}

// By a rename, so that a file that was there is replaced as a whole.
Status WriteWhole(const fs::path& path, const std::string& text) {
  const fs::path partial = path.string() + ".partial";
  std::ofstream stream(partial, std::ios::binary | std::ios::trunc);
  stream << text;
  stream.close();
  std::error_code error;
  if (!stream) {
    fs::remove(partial, error);
    return Failure(path, "the file cannot be made, or the disk is full");
  }
  fs::rename(partial, path, error);
  if (!error) return Status::Ok();
  std::error_code ignored;
  fs::remove(partial, ignored);
  return Failure(path, error.message());
}

}  // namespace

std::vector<std::string> FileNamesFor(const std::vector<Json>& objects) {
  std::vector<std::string> names;
  std::set<std::string> taken;
  for (const Json& object : objects) {
    const std::string base = NameOf(object);
    std::string name = base + ".yaml";
    for (std::size_t i = 2; !taken.insert(name).second; ++i) {
      name = base + "-" + std::to_string(i) + ".yaml";
    }
    names.push_back(std::move(name));
  }
  return names;
}

Result<std::vector<std::string>> WriteFiles(const std::string& directory,
                                            const std::vector<std::string>& names,
                                            const std::vector<std::string>& texts, bool force) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error || !fs::is_directory(directory, error)) {
    return Failure(directory, error ? error.message() : "it is no directory");
  }
  std::vector<std::string> paths;
  for (const std::string& name : names) {
    const fs::path path = fs::path(directory) / name;
    // A link counts, wherever it leads.
    if (!force && fs::symlink_status(path, error).type() != fs::file_type::not_found) {
      return Status(StatusCode::kBadRequest,
                    path.string() + " exists; --force replaces it, and nothing was written");
    }
    paths.push_back(path.string());
  }
  for (std::size_t i = 0; i < paths.size(); ++i) {
    if (Status status = WriteWhole(paths[i], texts[i]); !status.ok()) return status;
  }
  return paths;
}

}  // namespace stockade::cli
