// A line of input with editing and history. Wraps libedit; the history stands in the store's directory, mode
// 0600.
#pragma once

#include <memory>
#include <optional>
#include <string>

namespace kvasir {

enum class LineEvent { kLine, kInterrupted, kEnd };

struct Line {
    LineEvent event = LineEvent::kLine;
    std::string text;
};

class LineEditor {
  public:
    LineEditor(std::string prompt, std::string history_path);
    ~LineEditor();
    LineEditor(const LineEditor&) = delete;
    LineEditor& operator=(const LineEditor&) = delete;

    Line read();

    struct State;  // public by name only: libedit's prompt callback needs it

  private:
    std::unique_ptr<State> state_;
};

}  // namespace kvasir
