# The few functions with which every directory of the project declares its targets, so that
# language level, warnings and sanitizers are decided in this one file.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

option(STOCKADE_WERROR "Treat warnings as errors" ON)
set(STOCKADE_SANITIZE "" CACHE STRING "Sanitizers for every target: 'address,undefined' or 'thread'")
option(STOCKADE_FUZZ "Build the fuzz targets with libFuzzer (needs clang)" OFF)
option(STOCKADE_PRECOMPILE "Precompile the headers that most sources include (clang)" OFF)

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE_PROGRAM}")
endif()

add_library(stockade_options INTERFACE)
add_library(stockade::options ALIAS stockade_options)
target_include_directories(stockade_options INTERFACE "${CMAKE_SOURCE_DIR}/libs" "${CMAKE_SOURCE_DIR}")
target_compile_options(stockade_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast
  -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough -Wextra-semi
  $<$<BOOL:${STOCKADE_WERROR}>:-Werror>
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>)
# In a file of its own: another version compiles what tells it anew, and nothing else.
file(CONFIGURE OUTPUT "${CMAKE_BINARY_DIR}/generated/base/version.h"
  CONTENT "#pragma once\n\n#define STOCKADE_VERSION \"@PROJECT_VERSION@\"\n" @ONLY)
target_include_directories(stockade_options INTERFACE "${CMAKE_BINARY_DIR}/generated")
target_link_libraries(stockade_options INTERFACE Threads::Threads)

# The sanitizers' builds are clang's without optimisation, which compile in a third of the time that g++ takes at -O1.
if(STOCKADE_SANITIZE)
  add_compile_options(-fsanitize=${STOCKADE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${STOCKADE_SANITIZE})
endif()
if(STOCKADE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# Hardening of what is shipped: the same flags that Debian builds its own daemons with.
if(CMAKE_BUILD_TYPE MATCHES "Rel" AND NOT STOCKADE_SANITIZE)
  add_compile_options(-D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection)
  add_link_options(-Wl,-z,relro -Wl,-z,now)
endif()

# Without optimisation most of a compilation is reading headers. What is shipped is built without this, so that a header
# that a source forgets is missed there.
if(STOCKADE_PRECOMPILE)
  # One file serves libraries and executables alike.
  set(CMAKE_CXX_COMPILE_OPTIONS_PIE "-fPIC")
  # ccache tells precompiled files apart by their contents.
  add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
  add_library(stockade_precompiled OBJECT "${CMAKE_SOURCE_DIR}/cmake/precompiled.cc")
  target_link_libraries(stockade_precompiled PRIVATE stockade::options GTest::gmock)
  target_precompile_headers(stockade_precompiled PRIVATE "${CMAKE_SOURCE_DIR}/cmake/precompiled.h")
endif()
function(stockade_precompile name)
  if(STOCKADE_PRECOMPILE)
    target_precompile_headers(${name} REUSE_FROM stockade_precompiled)
  endif()
endfunction()

# stockade_library(NAME SOURCES file... [DEPENDS target...] [PRIVATE_DEPENDS target...])
# A static library stockade_NAME with the alias stockade::NAME.
function(stockade_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  add_library(stockade_${name} STATIC ${ARG_SOURCES})
  add_library(stockade::${name} ALIAS stockade_${name})
  target_link_libraries(stockade_${name}
    PUBLIC ${ARG_DEPENDS}
    PRIVATE stockade::options ${ARG_PRIVATE_DEPENDS})
  stockade_precompile(stockade_${name})
endfunction()

# stockade_binary(NAME SOURCES file... DEPENDS target...)
function(stockade_binary name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE stockade::options ${ARG_DEPENDS})
  stockade_precompile(${name})
endfunction()

file(CONFIGURE OUTPUT "${CMAKE_BINARY_DIR}/generated/tests/source_dir.h"
  CONTENT "#pragma once\n#define STOCKADE_SOURCE_DIR \"@CMAKE_SOURCE_DIR@\"\n" @ONLY)

# stockade_test(NAME SOURCES file... DEPENDS target... [LABEL unit|integration])
# A GoogleTest executable, run by ctest under LABEL (unit unless told). Tests find the source tree
# through the macro STOCKADE_SOURCE_DIR of "tests/source_dir.h"; as a definition for all of them it
# would keep checkouts from sharing ccache's objects.
function(stockade_test name)
  cmake_parse_arguments(ARG "" "LABEL" "SOURCES;DEPENDS" ${ARGN})
  if(NOT ARG_LABEL)
    set(ARG_LABEL unit)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE stockade::options ${ARG_DEPENDS} GTest::gmock GTest::gtest_main)
  # Optimising what runs once, in each test's own expectations, would take most of its compilation.
  target_compile_options(${name} PRIVATE $<$<CONFIG:RelWithDebInfo>:-O0 -g1 -U_FORTIFY_SOURCE>)
  stockade_precompile(${name})
  # One process for all of its tests: three thousand of them took as long to start as to run.
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS ${ARG_LABEL} TIMEOUT 900)
endfunction()

# stockade_fuzz(NAME SOURCES file... DEPENDS target...)
# With STOCKADE_FUZZ a libFuzzer binary; otherwise a plain one that replays the corpus in
# tests/fuzz/corpus/NAME, so that every compiler and sanitizer runs the known inputs. As a test it
# makes a fixed number of runs from a fixed seed, so that a first run repeats. To search for longer:
# build/fuzz/tests/fuzz/NAME_fuzz build/fuzz/tests/fuzz/corpus/NAME tests/fuzz/corpus/NAME
function(stockade_fuzz name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  if(STOCKADE_FUZZ)
    add_executable(${name}_fuzz ${ARG_SOURCES})
    target_link_options(${name}_fuzz PRIVATE -fsanitize=fuzzer)
    set(arguments -seed=1 -runs=1000 -max_total_time=240 -max_len=65536 -timeout=10)
  else()
    add_executable(${name}_fuzz ${ARG_SOURCES} "${CMAKE_SOURCE_DIR}/tests/fuzz/replay_main.cc")
    set(arguments "")
  endif()
  target_link_libraries(${name}_fuzz PRIVATE stockade::options ${ARG_DEPENDS})
  set(corpus "${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name}")
  set(work "${CMAKE_CURRENT_BINARY_DIR}/corpus/${name}")
  file(MAKE_DIRECTORY "${work}")
  if(STOCKADE_FUZZ)
    add_test(NAME fuzz.${name} COMMAND ${name}_fuzz ${arguments} "${work}" "${corpus}")
  else()
    add_test(NAME fuzz.${name} COMMAND ${name}_fuzz "${corpus}")
  endif()
  set_tests_properties(fuzz.${name} PROPERTIES LABELS fuzz TIMEOUT 300)
endfunction()
