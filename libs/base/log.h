#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "base/clock.h"

namespace stockade {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// "debug", "info", "warning" or "error"; false for any other text.
[[nodiscard]] bool ParseLogLevel(std::string_view text, LogLevel& level);

// One named value of an event.
struct LogField {
  // One constructor per kind of value, so that no literal is taken for a bool.
  LogField(std::string_view name, std::string_view text) : key(name), value(text) {}
  LogField(std::string_view name, const char* text) : key(name), value(std::string_view(text)) {}
  LogField(std::string_view name, const std::string& text)
      : key(name), value(std::string_view(text)) {}
  LogField(std::string_view name, bool flag) : key(name), value(flag) {}
  LogField(std::string_view name, int number) : key(name), value(std::int64_t{number}) {}
  LogField(std::string_view name, std::int64_t number) : key(name), value(number) {}
  LogField(std::string_view name, std::size_t number)
      : key(name), value(static_cast<std::int64_t>(number)) {}
  LogField(std::string_view name, double number) : key(name), value(number) {}

  std::string_view key;
  std::variant<std::string_view, std::int64_t, double, bool> value;
};

// Writes one JSON object a line: {"time":...,"level":...,"event":...,fields}. Every string is
// escaped to printable ASCII, so that nothing in a field can forge a line or drive a terminal, and
// bytes that are not UTF-8 are replaced. Safe to call from any thread; a line is never torn.
class Logger {
 public:
  using Sink = std::function<void(std::string_view line)>;

  // Writes to standard error through spdlog's synchronous sink.
  Logger(const Clock& clock, LogLevel level);
  // Writes to `sink`, one call a line without its newline; calls are serialised.
  Logger(const Clock& clock, LogLevel level, Sink sink);
  ~Logger();
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  // `event` is a fixed sentence; everything that varies is a field.
  void Debug(std::string_view event, std::initializer_list<LogField> fields = {});
  void Info(std::string_view event, std::initializer_list<LogField> fields = {});
  void Warning(std::string_view event, std::initializer_list<LogField> fields = {});
  void Error(std::string_view event, std::initializer_list<LogField> fields = {});

 private:
  struct Impl;
  void Write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields);

  std::unique_ptr<Impl> impl_;
};

// The line that a Logger writes for an event; exposed for tests.
[[nodiscard]] std::string FormatLogLine(std::chrono::system_clock::time_point time, LogLevel level,
                                        std::string_view event,
                                        std::initializer_list<LogField> fields);

}  // namespace stockade
