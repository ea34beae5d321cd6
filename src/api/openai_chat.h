// POST /v1/chat/completions: from JSON text to a ChatRequest, from answers to JSON text or server-sent
// events. Pure functions, any thread; a stream object belongs to one answer, whoever calls it calls in turn.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "api/api_error.h"
#include "api/chat_answer.h"
#include "api/chat_request.h"

namespace kvasir {

ApiResult<ChatRequest> parse_openai_chat(std::string_view json);
std::string openai_chat_answer(const ChatAnswer& answer);

struct OpenAiStreamStart {
    std::string id;
    std::int64_t created_unix_s = 0;
    std::string model;
    UsageChunk usage_chunk = UsageChunk::kNo;
};

// Every function returns the text of complete events, ready to be sent; "" when there is nothing to send.
class OpenAiChatStream {
  public:
    explicit OpenAiChatStream(OpenAiStreamStart start);
    std::string begin() const;
    std::string delta(const AnswerDelta& delta) const;
    // The end: reason, usage when asked for, [DONE]. What the deltas brought is not repeated.
    std::string finish(const ChatAnswer& answer) const;
    std::string error(const ApiError& error) const;  // the end of a stream that failed

  private:
    OpenAiStreamStart start_;
};

}  // namespace kvasir
