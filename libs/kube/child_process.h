#pragma once

#include <chrono>
#include <cstddef>
#include <stop_token>
#include <string>
#include <vector>

#include "base/status.h"

namespace stockade::kube {

// A program to run and how far it may go.
struct ChildProgram {
  std::string path;                      // of the executable; no search
  std::vector<std::string> arguments;    // the first is the program's name
  std::vector<std::string> environment;  // all of it, each "NAME=VALUE"
  std::chrono::milliseconds timeout = std::chrono::seconds(60);
  std::size_t max_output_bytes = std::size_t{1024} * 1024;
};

struct ChildOutcome {
  std::string output;  // what it wrote to its standard output
  int exit_code = 0;   // as the shell has it: 128 and the signal's number when one ended it
};

// Runs a program to its end, in a process group of its own, without any descriptor of ours but
// standard error, standard input empty, and signals as they are by default. It is killed with its
// group when it takes too long (DeadlineExceeded), writes too much (BadRequest) or when `stop` is
// requested (Cancelled, at once). Unavailable when it cannot be started. Blocks the caller; any
// number of threads may call it at once. What it leaves running when it ends by itself is left.
Result<ChildOutcome> RunChild(const ChildProgram& program, const std::stop_token& stop);

// The executable that `command` means: itself when it has a slash, otherwise the first one of that
// name in an absolute directory of `search_path`. NotFound when there is none; BadRequest when it
// is there and cannot be executed.
Result<std::string> FindExecutable(const std::string& command, const std::string& search_path);

}  // namespace stockade::kube
