#include "app/line_editor.h"

#include <array>
#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cwchar>
#include <string_view>

#include <histedit.h>
#include <langinfo.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/interrupt.h"

namespace kvasir {

namespace {

constexpr int kHistoryLinesMax = 500;
constexpr char kControlD = '\x04';

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

// One character of the terminal. libedit's own reader goes on after a signal, and one that arrives between
// two of its reads would be lost; here Ctrl-C always ends the line.
int read_character(EditLine* /*editor*/, wchar_t* character) {
    std::mbstate_t state{};
    for (;;) {
        std::array<pollfd, 2> waits{pollfd{STDIN_FILENO, POLLIN, 0},
                                    pollfd{InterruptGuard::wake_fd(), POLLIN, 0}};
        if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) return -1;
        if (InterruptGuard::flag().load()) {
            errno = EINTR;
            return -1;
        }
        if (waits.front().revents == 0) continue;
        char byte = 0;
        const ssize_t got = ::read(STDIN_FILENO, &byte, 1);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (got <= 0) return static_cast<int>(got);
        // Ctrl-D typed while nobody read (an answer was on its way): the terminal hands it over as a NUL.
        if (byte == '\0') byte = kControlD;
        const std::size_t used = std::mbrtowc(character, &byte, 1, &state);
        if (used == static_cast<std::size_t>(-2)) continue;  // the next byte belongs to it
        if (used != static_cast<std::size_t>(-1)) return 1;
        state = {};  // no character of this encoding: dropped
    }
}

// The C library must know that text is UTF-8, or libedit drops everything but ASCII.
void use_utf8() {
    std::setlocale(LC_CTYPE, "");
    if (std::string_view(::nl_langinfo(CODESET)) != "UTF-8") std::setlocale(LC_CTYPE, "C.UTF-8");
}

}  // namespace

LineEditor::LineEditor(std::string prompt, std::string history_path) : state_(std::make_unique<State>()) {
    state_->prompt = std::move(prompt);
    state_->history_path = std::move(history_path);
    use_utf8();
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
    ::el_set(state_->editor, EL_GETCFN, read_character);
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
    // Before the prompt: who sees it may type Ctrl-D at once, and libedit itself prepares after it.
    ::el_set(state_->editor, EL_PREP_TERM, 1);
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
