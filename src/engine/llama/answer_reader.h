// Takes an answer apart: content, reasoning, tool calls. Immutable, any thread; owned by the answer's format.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <peg-parser.h>

#include "base/result.h"
#include "engine/chat.h"
#include "engine/llama/answer_plan.h"

namespace kvasir {

class AnswerReader {
  public:
    // Throws what llama-common throws.
    explicit AnswerReader(const AnswerPlan& plan);

    // Contract: AnswerFormat::parse().
    Result<ChatMessage> read(std::string_view text, AnswerEnd end) const;

  private:
    struct Reading {
        bool fits = false;           // as far as it goes
        bool wants_more = false;     // it is the beginning of something
        std::size_t bytes_read = 0;  // what follows is no part of it, or held back
        ChatMessage message;
    };

    Reading parse(const std::string& text, common_peg_parse_flags flags) const;
    // As the beginning of an answer.
    Reading parse_open(const std::string& text) const;
    Result<ChatMessage> read_whole(const std::string& text, AnswerEnd end) const;
    // What is sure of `text` when more may follow.
    ChatMessage sure(const std::string& text) const;
    Result<ChatMessage> complete(const std::string& text) const;
    // The parser does not take `text`, or would not beyond `limit`.
    ChatMessage with_rest_as_content(const std::string& text, std::size_t limit) const;

    common_peg_arena parser_;
    common_chat_format format_;
    AnswerKind kind_;
    std::string generation_prompt_;
    std::vector<std::string> thinking_ends_;
};

}  // namespace kvasir
