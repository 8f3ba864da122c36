# Writes a C++ file with the texts of files in it: cmake -DOUTPUT=FILE -DFILES=FILE|FILE... -P EmbedFiles.cmake
# It defines the function stockade::schema::EmbeddedCrds.
string(REPLACE "|" ";" files "${FILES}")
file(WRITE "${OUTPUT}.new" "// Made by cmake/EmbedFiles.cmake.
#include <array>

#include \"schema/resource_schemas.h\"

// Compilers need not take strings of this length; those in use do.
#pragma GCC diagnostic ignored \"-Woverlength-strings\"

namespace stockade::schema {
namespace {

")
set(entries "")
set(count 0)
foreach(path IN LISTS files)
  get_filename_component(name "${path}" NAME)
  file(READ "${path}" text)
  file(APPEND "${OUTPUT}.new" "constexpr char kText${count}[] = R\"embedded(${text})embedded\";\n\n")
  # The size is told, for the compiler would count it one character after the other.
  string(APPEND entries "      EmbeddedFile{\"${name}\", {kText${count}, sizeof(kText${count}) - 1}},\n")
  math(EXPR count "${count} + 1")
endforeach()
file(APPEND "${OUTPUT}.new" "}  // namespace

std::span<const EmbeddedFile> EmbeddedCrds() {
  static constexpr std::array kFiles = {
${entries}  };
  return kFiles;
}

}  // namespace stockade::schema
")
file(RENAME "${OUTPUT}.new" "${OUTPUT}")
