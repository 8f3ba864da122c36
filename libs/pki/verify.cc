#include "pki/verify.h"

#include <chrono>

#include "pki/openssl.h"

namespace stockade::pki {
namespace {

using internal::Failure;
using internal::Freer;

// At least the strength of 112 bits in every key and signature.
constexpr int kSecurityLevel = 2;

}  // namespace

Status Verify(const Certificate& leaf, const VerifyOptions& options) {
  const std::unique_ptr<X509_STORE, Freer<X509_STORE_free>> store(X509_STORE_new());
  if (store == nullptr) return Failure("verifying");
  for (const Certificate& authority : options.authorities) {
    if (X509_STORE_add_cert(store.get(), authority.native()) != 1) return Failure("verifying");
  }
  const std::unique_ptr<X509_STORE_CTX, Freer<X509_STORE_CTX_free>> context(X509_STORE_CTX_new());
  if (context == nullptr ||
      X509_STORE_CTX_init(context.get(), store.get(), leaf.native(), nullptr) != 1) {
    return Failure("verifying");
  }
  X509_VERIFY_PARAM* const parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(parameters, std::chrono::system_clock::to_time_t(options.now));
  X509_VERIFY_PARAM_set_auth_level(parameters, kSecurityLevel);
  X509_VERIFY_PARAM_set_hostflags(
      parameters, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const int purpose =
      options.purpose == Purpose::kServer ? X509_PURPOSE_SSL_SERVER : X509_PURPOSE_SSL_CLIENT;
  if (X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_X509_STRICT) != 1 ||
      X509_VERIFY_PARAM_set_purpose(parameters, purpose) != 1 ||
      (!options.dns_name.empty() && X509_VERIFY_PARAM_set1_host(parameters, options.dns_name.data(),
                                                                options.dns_name.size()) != 1)) {
    return Failure("verifying");
  }
  if (X509_verify_cert(context.get()) == 1) return Status::Ok();
  const int error = X509_STORE_CTX_get_error(context.get());
  (void)Failure("verifying");  // empties OpenSSL's queue of errors
  return {StatusCode::kInvalid, std::string("the certificate is not to be trusted: ") +
                                    X509_verify_cert_error_string(error)};
}

}  // namespace stockade::pki
