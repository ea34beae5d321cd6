#include "engine/llama/handles.h"

#include <mutex>
#include <utility>

#include <log.h>

#include "base/log.h"

namespace kvasir {

namespace {

constexpr std::size_t kErrorBytesMax = 600;

std::mutex errors_mutex;
std::string& errors() {
    static std::string text;
    return text;
}

void on_log(ggml_log_level level, const char* text, void* /*unused*/) {
    if (text == nullptr) return;
    std::string line(text);
    while (!line.empty() && (line.back() == '\n' || line.back() == ' ')) line.pop_back();
    if (line.empty()) return;
    if (level == GGML_LOG_LEVEL_ERROR) {
        const std::lock_guard lock(errors_mutex);
        if (errors().size() + line.size() < kErrorBytesMax) errors() += errors().empty() ? line : "; " + line;
    }
    if (log_level() == LogLevel::kDebug) log(LogLevel::kDebug, "llama", line);
}

}  // namespace

void start_llama() {
    static std::once_flag once;
    std::call_once(once, [] {
        llama_log_set(on_log, nullptr);
        common_log_set_verbosity_thold(-1);  // llama-common has a log of its own, which would go to stderr
        llama_backend_init();
    });
}

std::string take_llama_errors() {
    const std::lock_guard lock(errors_mutex);
    return std::exchange(errors(), {});
}

}  // namespace kvasir
