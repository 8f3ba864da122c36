#include "runtime/process_identity.h"

#include <unistd.h>

#include <cstdio>
#include <random>

namespace stockade::runtime {

std::string NewProcessIdentity(std::string_view program) {
  char host[256] = "";
  if (gethostname(host, sizeof(host) - 1) != 0) host[0] = '\0';
  std::random_device device;
  char suffix[32];
  std::snprintf(suffix, sizeof(suffix), "_%08x%08x", device(), device());
  return std::string(host[0] == '\0' ? program : std::string_view(host)) + suffix;
}

}  // namespace stockade::runtime
