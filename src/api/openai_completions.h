// POST /v1/completions: a text continued, without a chat template. The text is ChatAnswer's message.content.
// Pure functions, any thread; a stream object belongs to one answer, whoever calls it calls in turn.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "api/api_error.h"
#include "api/chat_answer.h"
#include "api/chat_request.h"
#include "api/openai_chat.h"

namespace kvasir {

ApiResult<CompletionRequest> parse_openai_completion(std::string_view json);
std::string openai_completion_answer(const ChatAnswer& answer);

// As OpenAiChatStream; only content and logprobs of a delta are sent.
class OpenAiCompletionStream {
  public:
    explicit OpenAiCompletionStream(OpenAiStreamStart start);
    std::string delta(const AnswerDelta& delta);
    std::string finish(const ChatAnswer& answer) const;
    std::string error(const ApiError& error) const;

  private:
    OpenAiStreamStart start_;
    std::size_t logprob_offset_ = 0;  // of the next token in the text, in bytes
};

}  // namespace kvasir
