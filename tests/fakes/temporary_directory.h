#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace stockade::testing {

// A directory that goes with the test that made it. For one thread.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "stockade-test-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

  [[nodiscard]] std::string PathOf(std::string_view name) const {
    return path_ + "/" + std::string(name);
  }

  // Puts a whole file in place at once, as a rename does. Returns its path.
  std::string Write(std::string_view name, std::string_view contents) const {
    std::string file = PathOf(name);
    std::ofstream stream(file + ".new", std::ios::binary | std::ios::trunc);
    stream << contents;
    if (!stream.flush()) std::abort();
    std::filesystem::rename(file + ".new", file);
    return file;
  }
  // The file must be there.
  void Remove(std::string_view name) const {
    if (!std::filesystem::remove(PathOf(name))) std::abort();
  }

 private:
  std::string path_;
};

}  // namespace stockade::testing
