#include "base/log.h"

#include <algorithm>
#include <memory>
#include <string>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace kvasir {

namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
    switch (level) {
        case LogLevel::kDebug:
            return spdlog::level::debug;
        case LogLevel::kInfo:
            return spdlog::level::info;
        case LogLevel::kWarning:
            return spdlog::level::warn;
        case LogLevel::kError:
            return spdlog::level::err;
        case LogLevel::kOff:
            return spdlog::level::off;
    }
    return spdlog::level::off;
}

spdlog::logger& logger() {
    static const std::shared_ptr<spdlog::logger> instance = [] {
        auto made =
            std::make_shared<spdlog::logger>("kvasir", std::make_shared<spdlog::sinks::stderr_sink_mt>());
        made->set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %v");
        made->set_level(spdlog::level::warn);
        return made;
    }();
    return *instance;
}

// Details may quote what came from outside: a line stays one line.
std::string one_line(std::string_view text) {
    std::string line(text);
    std::replace_if(
        line.begin(), line.end(), [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; }, ' ');
    return line;
}

}  // namespace

void set_log_level(LogLevel level) { logger().set_level(to_spdlog(level)); }

LogLevel log_level() {
    switch (logger().level()) {
        case spdlog::level::trace:
        case spdlog::level::debug:
            return LogLevel::kDebug;
        case spdlog::level::info:
            return LogLevel::kInfo;
        case spdlog::level::warn:
            return LogLevel::kWarning;
        case spdlog::level::err:
        case spdlog::level::critical:
            return LogLevel::kError;
        default:
            return LogLevel::kOff;
    }
}

void log(LogLevel level, std::string_view event, std::string_view details) {
    if (details.empty()) {
        logger().log(to_spdlog(level), "{}", one_line(event));
    } else {
        logger().log(to_spdlog(level), "{} {}", one_line(event), one_line(details));
    }
}

}  // namespace kvasir
