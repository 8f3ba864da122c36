#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace stockade {

// What can go wrong, in the terms that a Kubernetes client acts on. The HTTP status that each code
// stands for is the one that the API server uses (apimachinery's metav1.StatusReason).
enum class StatusCode {
  kOk,
  kBadRequest,        // 400, or input of ours that cannot be understood
  kUnauthorized,      // 401
  kForbidden,         // 403, quota and admission refusals included
  kNotFound,          // 404
  kAlreadyExists,     // 409 with reason AlreadyExists
  kConflict,          // 409 with any other reason: resourceVersion or precondition does not match
  kGone,              // 410: a resourceVersion or continue token too old to serve
  kInvalid,           // 422
  kThrottled,         // 429; retry_after() says how long to wait
  kUnavailable,       // 5xx and every failure to reach the server
  kDeadlineExceeded,  // the caller's deadline passed, or 504
  kCancelled,         // the caller gave up
  kInternal,          // a fault of this program
};

// The name of a code as it appears in logs, for example "NotFound".
std::string_view StatusCodeName(StatusCode code);

// The outcome of an operation: ok, or a code and a message for people. A plain value: copy it,
// pass it between threads, no two objects share state.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(StatusCode code, std::string message) : code_(code), message_(std::move(message)) {}

  static Status Ok() { return {}; }

  [[nodiscard]] bool ok() const { return code_ == StatusCode::kOk; }
  [[nodiscard]] StatusCode code() const { return code_; }
  [[nodiscard]] const std::string& message() const { return message_; }

  // The machine-readable reason that the server gave (metav1.Status.reason), or empty.
  [[nodiscard]] const std::string& reason() const { return reason_; }
  Status& set_reason(std::string reason) {
    reason_ = std::move(reason);
    return *this;
  }

  // How long the server asked us to wait, when it did.
  [[nodiscard]] std::optional<std::chrono::milliseconds> retry_after() const {
    return retry_after_;
  }
  Status& set_retry_after(std::chrono::milliseconds duration) {
    retry_after_ = duration;
    return *this;
  }

  // The same status with "context: " before its message. Ok stays Ok.
  [[nodiscard]] Status WithContext(std::string_view context) const;

  // "NotFound: pods \"x\" not found", or "Ok".
  [[nodiscard]] std::string ToString() const;

 private:
  StatusCode code_ = StatusCode::kOk;
  std::string message_;
  std::string reason_;
  std::optional<std::chrono::milliseconds> retry_after_;
};

// A value or the Status that explains its absence. Asking for the value of a failed Result is a
// broken invariant and terminates the program (std::get on the wrong alternative).
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<1>, std::move(value)) {}        // NOLINT: implicit
  Result(Status status) : state_(std::in_place_index<0>, std::move(status)) {  // NOLINT: implicit
    if (std::get<0>(state_).ok()) {
      std::get<0>(state_) = Status(StatusCode::kInternal, "Result made from an Ok status");
    }
  }

  [[nodiscard]] bool ok() const { return state_.index() == 1; }
  [[nodiscard]] Status status() const { return ok() ? Status::Ok() : std::get<0>(state_); }

  [[nodiscard]] T& value() & { return std::get<1>(state_); }
  [[nodiscard]] const T& value() const& { return std::get<1>(state_); }
  [[nodiscard]] T&& value() && { return std::get<1>(std::move(state_)); }

  [[nodiscard]] T& operator*() & { return value(); }
  [[nodiscard]] const T& operator*() const& { return value(); }
  [[nodiscard]] T&& operator*() && { return std::move(*this).value(); }
  [[nodiscard]] T* operator->() { return &value(); }
  [[nodiscard]] const T* operator->() const { return &value(); }

 private:
  std::variant<Status, T> state_;
};

}  // namespace stockade
