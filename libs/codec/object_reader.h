#pragma once

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "codec/json.h"

namespace stockade::codec {

// One thing wrong with a document: where, and what to write instead.
struct FieldError {
  std::string path;
  std::string message;

  bool operator==(const FieldError&) const = default;
};

// All errors as one BadRequest status, "path: message; path: message"; Ok when there are none.
Status ToStatus(std::span<const FieldError> errors);

// Reads the members of one JSON object into typed variables and collects what does not fit.
// A member that is unset (missing or null) leaves its variable as it is, so that defaults are the
// initial values. Finish() reports the members that nobody asked for. Not for sharing between
// threads; the errors outlive the reader.
class ObjectReader {
 public:
  // A value that is set but no object is an error.
  ObjectReader(JsonView value, std::string path, std::vector<FieldError>& errors);

  void String(std::string_view key, std::string& out);
  void Bool(std::string_view key, bool& out);
  // An integer from minimum to maximum.
  void Int(std::string_view key, std::int64_t minimum, std::int64_t maximum, std::int64_t& out);
  // One of `names`; `out` becomes its index.
  void Enum(std::string_view key, std::span<const std::string_view> names, std::size_t& out);
  // Any map from string to string.
  void StringMap(std::string_view key, std::map<std::string, std::string>& out);
  void StringList(std::string_view key, std::vector<std::string>& out);
  // The raw value, for what has its own reader; missing when unset.
  [[nodiscard]] JsonView Value(std::string_view key);
  // The raw value, which must be an object or unset, or an array or unset.
  [[nodiscard]] JsonView Object(std::string_view key);
  [[nodiscard]] JsonView Array(std::string_view key);
  // An error when the member is unset.
  void Require(std::string_view key);

  // Marks a member as known without reading it.
  void Ignore(std::string_view key) { known_.push_back(key); }
  // Reports every member that was neither read nor ignored, with the name that was meant if close.
  void Finish();

  void AddError(std::string_view key, std::string message);
  [[nodiscard]] std::string PathOf(std::string_view key) const;

 private:
  JsonView Get(std::string_view key);

  JsonView value_;
  std::string path_;
  std::vector<FieldError>& errors_;
  boost::container::small_vector<std::string_view, 16> known_;
};

}  // namespace stockade::codec
