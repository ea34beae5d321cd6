// POST /v1/messages and /v1/messages/count_tokens: from JSON text to a ChatRequest, from answers to JSON text
// or events. Pure functions, any thread; a stream object belongs to one answer, whoever calls it calls in
// turn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/api_error.h"
#include "api/chat_answer.h"
#include "api/chat_request.h"

namespace kvasir {

ApiResult<ChatRequest> parse_anthropic_messages(std::string_view json);
std::string anthropic_answer(const ChatAnswer& answer);

ApiResult<ChatRequest> parse_anthropic_count_tokens(std::string_view json);
std::string anthropic_token_count(std::uint64_t input_tokens);

// Every function returns the text of complete events, ready to be sent; "" when there is nothing to send.
class AnthropicStream {
  public:
    AnthropicStream(std::string id, std::string model);
    // message_start, with what is known of the prompt by then; message_delta tells the final numbers.
    std::string begin(const Usage& usage) const;
    std::string delta(const AnswerDelta& delta);
    std::string ping() const;
    // Ends the open block; message_delta, message_stop. What the deltas brought is not repeated.
    std::string finish(const ChatAnswer& answer);
    std::string error(const ApiError& error) const;  // the end of a stream that failed

  private:
    enum class BlockKind { kThinking, kText, kToolUse };
    struct OpenBlock {
        BlockKind kind = BlockKind::kText;
        std::size_t index = 0;  // in the message's content
        std::size_t call = 0;   // kToolUse: ToolCallDelta::index
    };

    std::string text_delta(BlockKind kind, std::string_view text);
    std::string call_delta(const ToolCallDelta& call);
    std::string close_block();

    std::string id_;
    std::string model_;
    std::optional<OpenBlock> open_;
    std::size_t blocks_ = 0;
    std::vector<std::size_t> call_blocks_;  // block of each call begun, by ToolCallDelta::index
};

}  // namespace kvasir
