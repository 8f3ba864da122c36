#include "pki/openssl.h"

#include <openssl/err.h>

#include <ctime>

namespace stockade::pki::internal {

Status Failure(std::string_view what) {
  std::string message(what);
  message += " failed";
  if (const unsigned long code = ERR_peek_last_error(); code != 0) {
    char text[256];
    ERR_error_string_n(code, text, sizeof(text));
    message += std::string(": ") + text;
  }
  ERR_clear_error();
  return {StatusCode::kInternal, message};
}

BioPtr ReadOnlyBio(std::string_view text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string_view Written(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return size > 0 ? std::string_view(data, static_cast<std::size_t>(size)) : std::string_view();
}

Result<std::optional<PemBlock>> PemBlock::Read(BIO* bio) {
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;
  if (PEM_read_bio(bio, &name, &header, &data, &size) != 1) {
    const unsigned long code = ERR_peek_last_error();
    const bool at_end =
        ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    if (at_end) return std::optional<PemBlock>();
    return Status(StatusCode::kBadRequest,
                  "a PEM block is broken: it must be base64 between a line \"-----BEGIN ...-----\" "
                  "and the line \"-----END ...-----\" of the same name");
  }
  PemBlock block;
  block.name_.reset(name);
  const std::unique_ptr<char, FreeText> headers(header);
  block.data_ = {data, WipeData{static_cast<std::size_t>(size)}};
  block.size_ = size;
  if (header != nullptr && *header != '\0') {
    return Status(StatusCode::kBadRequest,
                  "the PEM block \"" + std::string(block.name()) +
                      "\" has headers, as encrypted keys of an old form have; write it without");
  }
  return std::optional<PemBlock>(std::move(block));
}

std::optional<std::chrono::system_clock::time_point> ToTimePoint(const ASN1_TIME* time) {
  std::tm broken_down{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &broken_down) != 1) return std::nullopt;
  return std::chrono::system_clock::from_time_t(timegm(&broken_down));
}

}  // namespace stockade::pki::internal
