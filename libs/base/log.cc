#include "base/log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/mutex.h"

namespace stockade {
namespace {

std::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "unknown";
}

// nlohmann's serialiser escapes quotes, control characters and, so that no terminal interprets what
// it shows, everything beyond ASCII; invalid UTF-8 becomes U+FFFD.
void AppendString(std::string& line, std::string_view text) {
  line += nlohmann::json(text).dump(-1, ' ', /*ensure_ascii=*/true,
                                    nlohmann::json::error_handler_t::replace);
}

}  // namespace

bool ParseLogLevel(std::string_view text, LogLevel& level) {
  for (const LogLevel candidate :
       {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError}) {
    if (text == LevelName(candidate)) {
      level = candidate;
      return true;
    }
  }
  return false;
}

std::string FormatLogLine(std::chrono::system_clock::time_point time, LogLevel level,
                          std::string_view event, std::initializer_list<LogField> fields) {
  const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(
                                time - std::chrono::floor<std::chrono::seconds>(time))
                                .count();
  std::string seconds = FormatTime(time);
  seconds.pop_back();
  char fraction[8];
  std::snprintf(fraction, sizeof(fraction), ".%03dZ", static_cast<int>(milliseconds));

  std::string line = R"({"time":")" + seconds + fraction + R"(","level":")";
  line += LevelName(level);
  line += R"(","event":)";
  AppendString(line, event);
  for (const LogField& field : fields) {
    line += ',';
    AppendString(line, field.key);
    line += ':';
    if (const auto* text = std::get_if<std::string_view>(&field.value)) {
      AppendString(line, *text);
    } else if (const auto* number = std::get_if<std::int64_t>(&field.value)) {
      line += std::to_string(*number);
    } else if (const auto* real = std::get_if<double>(&field.value)) {
      line += std::isfinite(*real) ? nlohmann::json(*real).dump() : "null";
    } else {
      line += std::get<bool>(field.value) ? "true" : "false";
    }
  }
  line += '}';
  return line;
}

struct Logger::Impl {
  const Clock& clock;
  LogLevel level;
  Sink sink;
  Mutex mutex;
};

Logger::Logger(const Clock& clock, LogLevel level) : Logger(clock, level, Sink{}) {
  auto writer = std::make_shared<spdlog::logger>("stockade",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
  writer->set_pattern("%v");
  writer->set_level(spdlog::level::trace);
  writer->flush_on(spdlog::level::trace);
  impl_->sink = [writer](std::string_view line) {
    writer->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
  };
}

Logger::Logger(const Clock& clock, LogLevel level, Sink sink)
    : impl_(new Impl{clock, level, std::move(sink), {}}) {}

Logger::~Logger() = default;

void Logger::Debug(std::string_view event, std::initializer_list<LogField> fields) {
  Write(LogLevel::kDebug, event, fields);
}
void Logger::Info(std::string_view event, std::initializer_list<LogField> fields) {
  Write(LogLevel::kInfo, event, fields);
}
void Logger::Warning(std::string_view event, std::initializer_list<LogField> fields) {
  Write(LogLevel::kWarning, event, fields);
}
void Logger::Error(std::string_view event, std::initializer_list<LogField> fields) {
  Write(LogLevel::kError, event, fields);
}

void Logger::Write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  if (level < impl_->level) return;
  const std::string line = FormatLogLine(impl_->clock.Now(), level, event, fields);
  const MutexLock lock(impl_->mutex);
  impl_->sink(line);
}

}  // namespace stockade
