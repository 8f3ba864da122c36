#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace stockade::credentials {

// One key of a user's Secret, and the file as which it is mounted.
struct SecretKey {
  std::string credential = {};
  std::string secret = {};
  std::string key = {};
  std::string file = {};
};

// In the order of kDerivedKinds in config.cc.
enum class DerivedKind { kBasic, kAws, kGoogle };

// A file that this program writes for the gateway's proxy, and what it makes it of.
struct Derived {
  DerivedKind kind = DerivedKind::kBasic;
  std::string credential = {};
  std::string file = {};
  std::string username = {};       // kBasic
  std::string password_file = {};  // kBasic: the file of a SecretKey
  std::string role_arn = {};       // kAws
  std::string region = {};         // kAws
  std::string session_name = {};   // kAws
  std::string audience = {};       // kGoogle; empty: the installation names none
  std::string token_file = {};     // kAws, kGoogle: the web identity token
};

// What render/gateway_credentials.h renders.
struct Config {
  std::vector<SecretKey> secrets;
  std::vector<Derived> derived;
};

// BadRequest names every field that is wrong. Names that would become part of a host's name or of a
// request are checked here once more, although the operator renders them.
Result<Config> ParseConfig(std::string_view text);

}  // namespace stockade::credentials
