#include "kube/tls_source.h"

#include <utility>

#include "kube/exec_plugin.h"

namespace stockade::kube {

TlsSource::TlsSource(std::shared_ptr<const ConnectionConfig> config,
                     std::shared_ptr<const Clock> clock)
    : config_(std::move(config)),
      clock_(clock ? std::move(clock) : std::make_shared<const SystemClock>()),
      current_{config_->ca_pem, config_->client_certificate_pem, config_->client_key_pem},
      context_(Make(current_)) {
  files_.Read(clock_->SinceBoot());
}

Result<std::shared_ptr<const TlsContext>> TlsSource::Context(
    std::chrono::steady_clock::time_point wait_until, const std::stop_token& stop) {
  if (!config_->tls) return std::shared_ptr<const TlsContext>();
  std::shared_ptr<const ExecCredential> credential;
  if (config_->exec_plugin) {
    auto current = config_->exec_plugin->Current(wait_until, stop);
    if (!current.ok()) return current.status();
    credential = std::move(*current);
  }
  const MutexLock lock(mutex_);
  if (credential != credential_) TakeOver(credential);
  if (FilesAreDue()) ReadFilesAgain();
  return context_;
}

void TlsSource::OnUnauthorized() {
  const MutexLock lock(mutex_);
  files_.Doubt();
}

std::optional<Status> TlsSource::TakeFailure() {
  if (config_->exec_plugin) {
    if (auto failure = config_->exec_plugin->TakeFailure()) return failure;
  }
  const MutexLock lock(mutex_);
  return failure_.Take();
}

bool TlsSource::FilesAreDue() const {
  const bool none = config_->ca_file.empty() && config_->client_certificate_file.empty() &&
                    config_->client_key_file.empty();
  return !none && files_.Due(clock_->SinceBoot());
}

void TlsSource::TakeOver(const std::shared_ptr<const ExecCredential>& credential) {
  credential_ = credential;
  Material material = current_;
  material.certificate_pem = credential->client_certificate_pem;
  material.key_pem = credential->client_key_pem;
  // The plugin's certificate was tried before it was passed on.
  if (Status status = Use(material); !status.ok()) context_ = status;
}

void TlsSource::ReadFilesAgain() {
  files_.Read(clock_->SinceBoot());
  Material material = current_;
  const std::pair<const std::string&, std::string&> files[] = {
      {config_->ca_file, material.ca_pem},
      {config_->client_certificate_file, material.certificate_pem},
      {config_->client_key_file, material.key_pem}};
  Status status;
  std::string names;
  for (const auto& [path, pem] : files) {
    if (path.empty() || !status.ok()) continue;
    names.append(names.empty() ? "" : ", ").append(path);
    Result<std::string> text = ReadPemFile(path);
    if (text.ok()) {
      pem = std::move(*text);
    } else {
      status = text.status();
    }
  }
  if (status.ok()) status = Use(material).WithContext(names);
  failure_.Set(status.WithContext("certificates are not renewed, the last ones go on"));
}

Status TlsSource::Use(const Material& material) {
  if (context_.ok() && material == current_) return Status::Ok();
  auto context = Make(material);
  if (!context.ok()) return context.status();
  current_ = material;
  context_ = std::move(context);
  return Status::Ok();
}

Result<std::shared_ptr<const TlsContext>> TlsSource::Make(const Material& material) const {
  ConnectionConfig config = *config_;
  config.ca_pem = material.ca_pem;
  config.client_certificate_pem = material.certificate_pem;
  config.client_key_pem = material.key_pem;
  return TlsContext::Make(config);
}

}  // namespace stockade::kube
