#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "http_server/server.h"

namespace stockade::http_server {

// A certificate and its key, both PEM.
struct Identity {
  std::string certificate;
  std::string key;
};

// A certificate authority of its own, with keys that are made anew each time.
class Authority {
 public:
  explicit Authority(const std::string& name);
  ~Authority();
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  [[nodiscard]] const std::string& certificate() const;
  // A certificate for `name` and 127.0.0.1 that has begun and ends `lifetime` from now; a negative
  // lifetime makes one that has ended already.
  [[nodiscard]] Identity Issue(const std::string& name,
                               std::chrono::seconds lifetime = std::chrono::hours(1)) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// A directory that lasts as long as the object.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  [[nodiscard]] std::string PathOf(const std::string& name) const { return path_ + "/" + name; }
  // Puts a whole file in place at once, as a rename does. Returns its path.
  std::string Write(const std::string& name, const std::string& contents) const;
  void Remove(const std::string& name) const;
  // Writes tls.crt and then tls.key.
  void WriteIdentity(const Identity& identity) const;
  // tls.crt and tls.key of this directory, polled often.
  [[nodiscard]] TlsFiles Files() const;

 private:
  std::string path_;
};

}  // namespace stockade::http_server
