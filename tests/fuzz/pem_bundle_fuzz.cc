// PEM as an administrator, another program or an attacker may put it where authorities or keys
// belong: bundles, single keys, and the authorities that were kept.
#include <string>
#include <vector>

#include "fuzzing.h"
#include "pki/authority_set.h"
#include "pki/certificate.h"
#include "pki/private_key.h"

using stockade::fuzz::Require;

namespace {

void ReadAsBundle(std::string_view text) {
  const auto bundle = stockade::pki::ParseBundle(text);
  if (!bundle.ok()) {
    Require(!bundle.status().message().empty(), "an error says what is wrong");
    return;
  }
  Require(!bundle->empty(), "a bundle that is accepted is not empty");
  Require(bundle->size() <= stockade::pki::kMaxBundleCertificates, "a bundle is bounded");
  for (const auto& certificate : *bundle) {
    // Every question has an answer, whatever the certificate holds.
    (void)certificate.CommonName();
    (void)certificate.DnsNames();
    (void)certificate.IpAddresses();
    (void)certificate.Uris();
    (void)certificate.SerialNumber();
    (void)certificate.IsAuthority();
    Require(certificate.Fingerprint().size() == 64, "a certificate has a fingerprint");
  }
  const auto again = stockade::pki::ParseBundle(stockade::pki::EncodeBundle(*bundle));
  Require(again.ok() && *again == *bundle, "a bundle is the same when it is written and read");
}

void ReadAsKey(std::string_view text) {
  const auto key = stockade::pki::PrivateKey::FromPem(text);
  if (!key.ok()) return;
  const auto pem = key->ToPem();
  Require(pem.ok() && stockade::pki::PrivateKey::FromPem(pem->view()).ok(),
          "a key can be written and read");
}

void ReadAsSet(std::string_view text) {
  const auto set = stockade::pki::AuthoritySet::Parse(text);
  if (!set.ok()) return;
  const auto encoded = set->Encode();
  Require(encoded.ok(), "authorities that were read can be written");
  Require(stockade::pki::AuthoritySet::Parse(encoded->view()).ok(), "and read again");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = stockade::fuzz::TextOf(data, size);
  ReadAsBundle(text);
  ReadAsKey(text);
  ReadAsSet(text);
  return 0;
}
