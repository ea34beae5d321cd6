#include "app/terminal.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include <fmt/format.h>
#include <unistd.h>

namespace kvasir {

namespace {

bool colours() {
    static const bool enabled = ::isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
    return enabled;
}

const char* code_of(Style style) {
    switch (style) {
        case Style::kBold:
            return "\x1b[1m";
        case Style::kDim:
            return "\x1b[2m";
        case Style::kGreen:
            return "\x1b[32m";
        case Style::kRed:
            return "\x1b[31m";
        case Style::kYellow:
            return "\x1b[33m";
        case Style::kCyan:
            return "\x1b[36m";
    }
    return "";
}

}  // namespace

std::string styled(Style style, std::string_view text) {
    return colours() ? fmt::format("{}{}\x1b[0m", code_of(style), text) : std::string(text);
}

bool stdin_is_terminal() { return ::isatty(STDIN_FILENO) == 1; }
bool stderr_is_terminal() { return ::isatty(STDERR_FILENO) == 1; }

std::string Table::text() const {
    std::vector<std::size_t> widths;
    for (const Column& column : columns_) widths.push_back(column.title.size());
    for (const auto& row : rows_) {
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    }
    const auto line = [&](const auto& cell_of) {
        std::string out;
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            if (i > 0) out += "  ";
            out += columns_[i].align == Align::kLeft ? fmt::format("{:<{}}", cell_of(i), widths[i])
                                                     : fmt::format("{:>{}}", cell_of(i), widths[i]);
        }
        while (!out.empty() && out.back() == ' ') out.pop_back();
        return out;
    };
    std::string text = styled(Style::kDim, line([&](std::size_t i) { return columns_[i].title; })) + "\n";
    for (const auto& row : rows_)
        text += line([&](std::size_t i) { return i < row.size() ? row[i] : ""; }) + "\n";
    return text;
}

ProgressLine::ProgressLine(bool quiet) : enabled_(!quiet && stderr_is_terminal()) {}

void ProgressLine::show(std::string_view what, double share) {
    if (!enabled_) return;
    constexpr int kBarCells = 24;
    const int filled = static_cast<int>(std::clamp(share, 0.0, 1.0) * kBarCells);
    fmt::print(stderr, "\r\x1b[K{} [{:#<{}}{:.<{}}] {:3.0f} %", what, "", filled, "", kBarCells - filled,
               share * 100);
    std::fflush(stderr);
    shown_ = true;
}

void ProgressLine::clear() {
    if (!shown_) return;
    fmt::print(stderr, "\r\x1b[K");
    std::fflush(stderr);
    shown_ = false;
}

std::string human_bytes(std::size_t bytes) {
    const auto value = static_cast<double>(bytes);
    if (value >= 1e9) return fmt::format("{:.2f} GB", value / 1e9);
    if (value >= 1e6) return fmt::format("{:.1f} MB", value / 1e6);
    if (value >= 1e3) return fmt::format("{:.1f} kB", value / 1e3);
    return fmt::format("{} B", bytes);
}

std::string human_ms(double ms) {
    return ms >= 1000 ? fmt::format("{:.2f} s", ms / 1000) : fmt::format("{:.1f} ms", ms);
}

std::string human_time(std::int64_t unix_ms) {
    const auto seconds = static_cast<std::time_t>(unix_ms / 1000);
    std::tm parts{};
    ::localtime_r(&seconds, &parts);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M", &parts);
    return text.data();
}

std::string for_terminal(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if ((byte >= 0x20 && byte != 0x7f) || c == '\n' || c == '\t') out += c;
    }
    return out;
}

}  // namespace kvasir
