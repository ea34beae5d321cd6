// What a person sees: colours (only on a terminal, never with NO_COLOR), tables, one progress line on stderr.
// Used by the program's only thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kvasir {

enum class Style { kBold, kDim, kGreen, kRed, kYellow, kCyan };

// `text` in that style on a terminal, plain elsewhere.
std::string styled(Style style, std::string_view text);

bool stdin_is_terminal();
bool stderr_is_terminal();

enum class Align { kLeft, kRight };

struct Column {
    std::string title;
    Align align = Align::kLeft;
};

class Table {
  public:
    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
    // Cells may carry no styles; the title line is dim.
    std::string text() const;

  private:
    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_;
};

// One line on stderr that replaces itself; nothing where stderr is no terminal or when quiet.
class ProgressLine {
  public:
    explicit ProgressLine(bool quiet);
    ~ProgressLine() { clear(); }
    ProgressLine(const ProgressLine&) = delete;
    ProgressLine& operator=(const ProgressLine&) = delete;
    void show(std::string_view what, double share);
    void clear();

  private:
    bool enabled_;
    bool shown_ = false;
};

std::string human_bytes(std::size_t bytes);
std::string human_ms(double ms);
std::string human_time(std::int64_t unix_ms);  // local time, to the minute

// The text with control characters (escape sequences among them) taken out: what a model or a user wrote is
// not trusted to drive the terminal. Line breaks and tabs stay.
std::string for_terminal(std::string_view text);

}  // namespace kvasir
