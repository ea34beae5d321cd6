// One line per event on stderr, with a level and key=value pairs. Set up once by the app layer; quiet
// (warnings only) by default, so that command output stays clean. Thread-safe.
#pragma once

#include <string_view>

namespace kvasir {

enum class LogLevel { kDebug, kInfo, kWarning, kError, kOff };

void set_log_level(LogLevel level);
LogLevel log_level();
void log(LogLevel level, std::string_view event, std::string_view details = {});

}  // namespace kvasir
