#include "pki/authority.h"

#include <openssl/rand.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>

#include "base/strings.h"
#include "pki/openssl.h"

namespace stockade::pki {
namespace {

using internal::Failure;
using internal::Freer;
using internal::GeneralNamePtr;
using internal::GeneralNamesPtr;
using internal::X509Ptr;

constexpr int kSerialBits = 128;
constexpr std::size_t kMaxCommonName = 64;  // X.520's upper bound
constexpr int kPermitted = 0;
constexpr int kExcluded = 1;

using ConstraintsPtr = std::unique_ptr<NAME_CONSTRAINTS, Freer<NAME_CONSTRAINTS_free>>;

Status Bad(std::string message) { return {StatusCode::kBadRequest, std::move(message)}; }

using OctetStringPtr = std::unique_ptr<ASN1_OCTET_STRING, Freer<ASN1_OCTET_STRING_free>>;

// Nothing when the text is no IPv4 or IPv6 address.
OctetStringPtr ParseAddress(const std::string& text) {
  return OctetStringPtr(a2i_IPADDRESS(text.c_str()));
}

// A DNS name in lower case whose first label may be "*", with at least two labels after that: a
// certificate for all of a top-level domain is a mistake.
bool IsServerName(std::string_view name) {
  if (!name.starts_with("*.")) return IsDnsSubdomain(name);
  name.remove_prefix(2);
  return IsDnsSubdomain(name) && name.find('.') != std::string_view::npos;
}

// A GeneralName that holds a text; `kind` is GEN_DNS or GEN_URI.
GeneralNamePtr TextName(int kind, std::string_view text) {
  GeneralNamePtr name(GENERAL_NAME_new());
  std::unique_ptr<ASN1_IA5STRING, Freer<ASN1_IA5STRING_free>> value(ASN1_IA5STRING_new());
  if (name == nullptr || value == nullptr ||
      ASN1_STRING_set(value.get(), text.data(), static_cast<int>(text.size())) != 1) {
    return nullptr;
  }
  GENERAL_NAME_set0_value(name.get(), kind, value.release());
  return name;
}

GeneralNamePtr AddressName(OctetStringPtr address) {
  GeneralNamePtr name(GENERAL_NAME_new());
  if (name == nullptr || address == nullptr) return nullptr;
  GENERAL_NAME_set0_value(name.get(), GEN_IPADD, address.release());
  return name;
}

// An address and its mask, as a name constraint has it: `width` bytes, all bits significant or
// none.
GeneralNamePtr AddressRange(std::string_view address, bool all_addresses) {
  std::string bytes(address.size(), '\0');
  if (!all_addresses) bytes = std::string(address);
  bytes.append(address.size(), all_addresses ? '\0' : '\xff');
  OctetStringPtr value(ASN1_OCTET_STRING_new());
  if (value == nullptr ||
      ASN1_OCTET_STRING_set(value.get(), reinterpret_cast<const unsigned char*>(bytes.data()),
                            static_cast<int>(bytes.size())) != 1) {
    return nullptr;
  }
  return AddressName(std::move(value));
}

bool AddConstraint(NAME_CONSTRAINTS* constraints, int which, GeneralNamePtr name) {
  GENERAL_SUBTREE* const subtree = GENERAL_SUBTREE_new();
  if (subtree == nullptr || name == nullptr) {
    GENERAL_SUBTREE_free(subtree);
    return false;
  }
  GENERAL_NAME_free(subtree->base);
  subtree->base = name.release();
  STACK_OF(GENERAL_SUBTREE)*& list =
      which == kPermitted ? constraints->permittedSubtrees : constraints->excludedSubtrees;
  if (list == nullptr) list = sk_GENERAL_SUBTREE_new_null();
  if (list == nullptr || sk_GENERAL_SUBTREE_push(list, subtree) <= 0) {
    GENERAL_SUBTREE_free(subtree);
    return false;
  }
  return true;
}

bool ExcludeAllAddresses(NAME_CONSTRAINTS* constraints) {
  return AddConstraint(constraints, kExcluded, AddressRange(std::string(4, '\0'), true)) &&
         AddConstraint(constraints, kExcluded, AddressRange(std::string(16, '\0'), true));
}

// Null when there are none to add; BadRequest for names that are none.
Result<ConstraintsPtr> MakeConstraints(const AuthorityOptions& options) {
  if (options.permitted_names.empty() && options.permitted_trust_domain.empty()) {
    return ConstraintsPtr();
  }
  ConstraintsPtr constraints(NAME_CONSTRAINTS_new());
  if (constraints == nullptr) return Failure("constraining names");
  if (!options.permitted_trust_domain.empty()) {
    if (!options.permitted_names.empty()) {
      return Bad("an authority is for servers or for sandboxes, not for both");
    }
    if (!IsDnsSubdomain(options.permitted_trust_domain)) {
      return Bad("the trust domain \"" + options.permitted_trust_domain +
                 "\" must be a DNS name in lower case");
    }
    // An empty name stands for all of them.
    if (!AddConstraint(constraints.get(), kPermitted,
                       TextName(GEN_URI, options.permitted_trust_domain)) ||
        !AddConstraint(constraints.get(), kExcluded, TextName(GEN_DNS, "")) ||
        !ExcludeAllAddresses(constraints.get())) {
      return Failure("constraining names");
    }
    return constraints;
  }
  bool any_address = false;
  bool any_name = false;
  for (const std::string& name : options.permitted_names) {
    const OctetStringPtr address = ParseAddress(name);
    if (address == nullptr && !IsDnsSubdomain(name)) {
      return Bad("\"" + name + "\" must be a DNS name in lower case, or an IP address");
    }
    (address ? any_address : any_name) = true;
    GeneralNamePtr range;
    if (address == nullptr) {
      range = TextName(GEN_DNS, name);
    } else {
      range = AddressRange({reinterpret_cast<const char*>(ASN1_STRING_get0_data(address.get())),
                            static_cast<std::size_t>(ASN1_STRING_length(address.get()))},
                           false);
    }
    if (!AddConstraint(constraints.get(), kPermitted, std::move(range))) {
      return Failure("constraining names");
    }
  }
  // A kind of which nothing is permitted would not be constrained at all.
  if (!any_address && !ExcludeAllAddresses(constraints.get())) return Failure("constraining names");
  if (!any_name && !AddConstraint(constraints.get(), kExcluded, TextName(GEN_DNS, ""))) {
    return Failure("constraining names");
  }
  return constraints;
}

bool SetSerialNumber(X509* certificate) {
  const internal::BignumPtr number(BN_new());
  if (number == nullptr) return false;
  do {
    if (BN_rand(number.get(), kSerialBits, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) != 1) return false;
  } while (BN_is_zero(number.get()) == 1);
  return BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool SetTimes(X509* certificate, TimePoint begin, TimePoint end) {
  return ASN1_TIME_set(X509_getm_notBefore(certificate),
                       std::chrono::system_clock::to_time_t(begin)) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(certificate),
                       std::chrono::system_clock::to_time_t(end)) != nullptr;
}

// An extension from words of this file, never from input: OpenSSL's configuration language has
// ways to say more than one thing.
bool AddFixed(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Freer<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool AddValue(X509* certificate, int nid, void* value) {
  return X509_add1_ext_i2d(certificate, nid, value, /*crit=*/1, X509V3_ADD_DEFAULT) == 1;
}

// Version, serial number, times and public key: what every certificate has.
X509Ptr Begin(EVP_PKEY* key, TimePoint begin, TimePoint end) {
  X509Ptr certificate(X509_new());
  if (certificate == nullptr || X509_set_version(certificate.get(), X509_VERSION_3) != 1 ||
      !SetSerialNumber(certificate.get()) || !SetTimes(certificate.get(), begin, end) ||
      X509_set_pubkey(certificate.get(), key) != 1) {
    return nullptr;
  }
  return certificate;
}

Result<Certificate> SignBy(X509Ptr certificate, EVP_PKEY* key) {
  if (X509_sign(certificate.get(), key, EVP_sha256()) <= 0) return Failure("signing");
  return Certificate::Adopt(std::shared_ptr<X509>(certificate.release(), X509_free));
}

// A leaf for `names`, which must not be empty.
Result<Identity> Issue(const Identity& authority, GENERAL_NAMES* names, const char* usage,
                       std::chrono::seconds lifetime, TimePoint now) {
  if (lifetime <= std::chrono::seconds::zero())
    return Bad("a certificate's lifetime must be positive");
  if (authority.certificate.not_after() <= now) {
    return Bad("the authority \"" + authority.certificate.CommonName() +
               "\" has expired and signs no more");
  }
  auto key = PrivateKey::Generate();
  if (!key.ok()) return key.status();
  X509* const issuer = authority.certificate.native();
  X509Ptr leaf = Begin(key->native(), now - kBackdating,
                       std::min(now + lifetime, authority.certificate.not_after()));
  if (leaf == nullptr || X509_set_issuer_name(leaf.get(), X509_get_subject_name(issuer)) != 1 ||
      !AddFixed(leaf.get(), issuer, NID_basic_constraints, "critical,CA:FALSE") ||
      !AddFixed(leaf.get(), issuer, NID_key_usage, "critical,digitalSignature") ||
      !AddFixed(leaf.get(), issuer, NID_ext_key_usage, usage) ||
      !AddFixed(leaf.get(), issuer, NID_subject_key_identifier, "hash") ||
      !AddFixed(leaf.get(), issuer, NID_authority_key_identifier, "keyid:always") ||
      !AddValue(leaf.get(), NID_subject_alt_name, names)) {
    return Failure("making a certificate");
  }
  auto certificate = SignBy(std::move(leaf), authority.key.native());
  if (!certificate.ok()) return certificate.status();
  return Identity{std::move(certificate).value(), std::move(key).value()};
}

bool Push(GENERAL_NAMES* names, GeneralNamePtr name) {
  if (name == nullptr || sk_GENERAL_NAME_push(names, name.get()) <= 0) return false;
  (void)name.release();
  return true;
}

}  // namespace

Result<Authority> Authority::Create(const AuthorityOptions& options, TimePoint now) {
  if (options.name.empty() || options.name.size() > kMaxCommonName) {
    return Bad("an authority's name must have 1 to 64 bytes");
  }
  if (options.lifetime <= std::chrono::seconds::zero()) {
    return Bad("an authority's lifetime must be positive");
  }
  auto constraints = MakeConstraints(options);
  if (!constraints.ok()) return constraints.status();
  auto key = PrivateKey::Generate();
  if (!key.ok()) return key.status();
  X509Ptr certificate = Begin(key->native(), now - kBackdating, now + options.lifetime);
  if (certificate == nullptr) return Failure("making a certificate");
  X509* const raw = certificate.get();
  X509_NAME* const name = X509_get_subject_name(raw);
  if (X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(options.name.data()),
                                 static_cast<int>(options.name.size()), -1, 0) != 1 ||
      X509_set_issuer_name(raw, name) != 1 ||
      !AddFixed(raw, raw, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
      !AddFixed(raw, raw, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !AddFixed(raw, raw, NID_subject_key_identifier, "hash") ||
      !AddFixed(raw, raw, NID_authority_key_identifier, "keyid:always") ||
      (*constraints != nullptr && !AddValue(raw, NID_name_constraints, constraints->get()))) {
    return Failure("making an authority's certificate");
  }
  auto signed_certificate = SignBy(std::move(certificate), key->native());
  if (!signed_certificate.ok()) return signed_certificate.status();
  return Authority({std::move(signed_certificate).value(), std::move(key).value()});
}

Result<Authority> Authority::FromIdentity(Identity identity) {
  if (!identity.certificate.IsAuthority()) {
    return Bad("the certificate \"" + identity.certificate.CommonName() + "\" is no authority's");
  }
  if (!identity.certificate.Matches(identity.key)) {
    return Bad("the key does not belong to the authority \"" + identity.certificate.CommonName() +
               "\"");
  }
  return Authority(std::move(identity));
}

Result<Identity> Authority::IssueServer(std::span<const std::string> names,
                                        std::chrono::seconds lifetime, TimePoint now) const {
  if (names.empty()) return Bad("a server's certificate needs at least one name");
  const GeneralNamesPtr list(GENERAL_NAMES_new());
  if (list == nullptr) return Failure("naming a server");
  for (const std::string& name : names) {
    OctetStringPtr address = ParseAddress(name);
    if (address == nullptr && !IsServerName(name)) {
      return Bad("\"" + name +
                 "\" must be a DNS name in lower case, whose first label may be \"*\", or an IP "
                 "address");
    }
    if (!Push(list.get(), address ? AddressName(std::move(address)) : TextName(GEN_DNS, name))) {
      return Failure("naming a server");
    }
  }
  return Issue(identity_, list.get(), "serverAuth", lifetime, now);
}

Result<Identity> Authority::IssueClient(const SandboxIdentity& identity,
                                        std::chrono::seconds lifetime, TimePoint now) const {
  const auto uri = SpiffeId(identity);
  if (!uri.ok()) return uri.status();
  const GeneralNamesPtr list(GENERAL_NAMES_new());
  if (list == nullptr || !Push(list.get(), TextName(GEN_URI, *uri))) {
    return Failure("naming a client");
  }
  return Issue(identity_, list.get(), "clientAuth", lifetime, now);
}

}  // namespace stockade::pki
