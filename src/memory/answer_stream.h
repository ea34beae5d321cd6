// Text of an answer as it comes: complete characters, stop strings, reasoning and tool calls taken apart, so
// that pieces only ever add. One turn's; the engine thread's.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/chat.h"
#include "memory/turn_request.h"
#include "memory/utf8.h"

namespace kvasir {

struct AnswerStreamOptions {
    std::shared_ptr<const AnswerFormat> format;  // null: all text is content
    std::vector<std::string> stops;              // the client's
    std::string call_id_seed;                    // ids of tool calls are made of it
};

class AnswerStream {
  public:
    explicit AnswerStream(AnswerStreamOptions options);

    // The bytes of one more token, and what can be shown now. A stop string is never shown, nor what may
    // become one.
    AnswerPiece push(std::string_view bytes, std::optional<TokenLogprob> logprob);
    // Nothing follows: the rest.
    AnswerPiece finish();

    bool stopped() const { return stopped_; }
    const std::string& stop_matched() const {
        return stop_matched_;
    }  // the client's stop string, when it was one
    // The whole text so far, without the stop string, markers of tool calls and reasoning included.
    const std::string& text() const { return text_; }
    // Bytes of text that had come with each token.
    const std::vector<std::size_t>& token_ends() const { return token_ends_; }
    // Tokens up to where the reasoning ends, its markers included; 0: it did not reason.
    std::size_t reasoning_tokens() const { return reasoning_tokens_; }
    // The answer taken apart; after finish().
    const ChatMessage& message() const { return shown_; }

  private:
    void find_stop();
    std::size_t bytes_held_back() const;
    AnswerPiece show(std::size_t bytes, AnswerEnd end);
    AnswerPiece difference(ChatMessage now);
    std::string call_id(std::size_t index) const;

    AnswerStreamOptions options_;
    std::vector<std::string> stops_;  // the client's, then the format's
    Utf8Stream characters_;
    std::string text_;
    std::size_t searched_ = 0;
    bool stopped_ = false;
    std::string stop_matched_;
    std::vector<std::size_t> token_ends_;
    struct PendingLogprob {
        std::size_t token_end = 0;
        TokenLogprob logprob;
    };
    std::vector<PendingLogprob> logprobs_;  // of tokens whose text is not shown yet
    std::size_t bytes_came_ = 0;
    std::size_t reasoning_tokens_ = 0;
    ChatMessage shown_;
};

}  // namespace kvasir
