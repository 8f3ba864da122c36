#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "credentials/config.h"

// Values of users' Secrets. No message ever holds one, nor a part or the length of one.
namespace stockade::credentials {

// Without the line breaks at its end, which `kubectl create secret --from-file` leaves there.
[[nodiscard]] std::string_view WithoutLineBreaks(std::string_view value);

// What is wrong with the file of that key, for people: that it is missing, empty or, for `header`,
// cannot stand in a header. Ok when nothing is.
Status CheckSecret(const SecretKey& secret, bool header);

// What stands behind "Basic " in a header, of the password in that file. BadRequest when there is
// none.
Result<std::string> EncodeBasic(std::string_view username, const std::string& password_file);

}  // namespace stockade::credentials
