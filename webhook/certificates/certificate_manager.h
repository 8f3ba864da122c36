#pragma once

#include <prometheus/registry.h>

#include <memory>

#include "base/clock.h"
#include "base/log.h"
#include "kube/connection_config.h"
#include "webhook/certificates/certificate_keeper.h"
#include "webhook/certificates/options.h"

namespace stockade::webhook {

// Runs a CertificateKeeper: elects the replica that leads, looks when the Secret or a registration
// changes, when a step is due, and once a minute anyway. Threads of its own: one for the passes,
// one for the election, one for the watches. Losing the Lease ends no process: a replica that no
// longer leads follows. Belongs to the thread that makes it; what it is given must outlive it.
class CertificateManager {
 public:
  // `serve` is called on a thread of the manager's. Requests to the API server are counted in
  // `registry`. An empty namespace of `options` becomes the connection's.
  CertificateManager(SelfManagedCertificates options,
                     std::shared_ptr<const kube::ConnectionConfig> connection, const Clock& clock,
                     Logger& logger, prometheus::Registry& registry,
                     CertificateKeeper::Serve serve);
  ~CertificateManager();  // stops
  CertificateManager(const CertificateManager&) = delete;
  CertificateManager& operator=(const CertificateManager&) = delete;

  void Start();
  // Gives the Lease up, if the API server answers within a second. `serve` is not called any more
  // when it returns.
  void Stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stockade::webhook
