#include "app/line_editor.h"

#include <cerrno>
#include <cstdio>

#include <histedit.h>
#include <sys/stat.h>

#include "app/interrupt.h"

namespace kvasir {

namespace {

constexpr int kHistoryLinesMax = 500;

}  // namespace

struct LineEditor::State {
    std::string prompt;
    std::string history_path;
    EditLine* editor = nullptr;
    History* history = nullptr;
    HistEvent event{};
};

namespace {

char* prompt_of(EditLine* editor) {
    LineEditor::State* state = nullptr;
    ::el_get(editor, EL_CLIENTDATA, &state);
    return state->prompt.data();
}

}  // namespace

LineEditor::LineEditor(std::string prompt, std::string history_path) : state_(std::make_unique<State>()) {
    state_->prompt = std::move(prompt);
    state_->history_path = std::move(history_path);
    state_->editor = ::el_init("kvasir", stdin, stdout, stderr);
    state_->history = ::history_init();
    ::history(state_->history, &state_->event, H_SETSIZE, kHistoryLinesMax);
    ::history(state_->history, &state_->event, H_SETUNIQUE, 1);
    ::history(state_->history, &state_->event, H_LOAD, state_->history_path.c_str());
    ::el_set(state_->editor, EL_CLIENTDATA, state_.get());
    ::el_set(state_->editor, EL_PROMPT, prompt_of);
    ::el_set(state_->editor, EL_EDITOR, "emacs");
    ::el_set(state_->editor, EL_HIST, ::history, state_->history);
    ::el_set(state_->editor, EL_SIGNAL, 0);
}

LineEditor::~LineEditor() {
    const mode_t former = ::umask(0077);
    ::history(state_->history, &state_->event, H_SAVE, state_->history_path.c_str());
    ::umask(former);
    ::history_end(state_->history);
    ::el_end(state_->editor);
}

Line LineEditor::read() {
    const InterruptGuard interrupt;  // Ctrl-C at the prompt drops the line, it does not leave
    int count = 0;
    const char* text = ::el_gets(state_->editor, &count);
    if (InterruptGuard::flag().load() || (text == nullptr && errno == EINTR))
        return {LineEvent::kInterrupted, {}};
    if (text == nullptr || count <= 0) return {LineEvent::kEnd, {}};
    Line line{LineEvent::kLine, std::string(text, static_cast<std::size_t>(count))};
    while (!line.text.empty() && (line.text.back() == '\n' || line.text.back() == '\r')) line.text.pop_back();
    if (!line.text.empty()) ::history(state_->history, &state_->event, H_ENTER, text);
    return line;
}

}  // namespace kvasir
