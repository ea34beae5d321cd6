// An answer in the form of the protocol that asked: whole, or as events while it comes. One object per
// answer; whoever uses it calls in turn.
#pragma once

#include <memory>
#include <string>

#include "api/api_error.h"
#include "api/chat_answer.h"
#include "api/openai_chat.h"
#include "memory/agent_memory.h"

namespace kvasir {

class AnswerForm {
  public:
    virtual ~AnswerForm() = default;
    virtual std::string whole(const ChatAnswer& answer) = 0;
    virtual std::string begin(const Usage& usage) = 0;
    virtual std::string delta(const AnswerDelta& delta) = 0;
    virtual std::string finish(const ChatAnswer& answer) = 0;
    virtual std::string error(const ApiError& error) = 0;  // inside a stream
    // What a stream sends while there is nothing to say; "": a comment.
    virtual std::string keep_alive() const { return {}; }
    // What only our own route tells: how far the prompt is read, and, before whole() and finish(), the turn.
    virtual std::string progress(TurnPhase /*phase*/, Position /*done*/, Position /*total*/) { return {}; }
    virtual void note_turn(const TurnResult& /*turn*/) {}
};

struct AnswerHead {
    std::string id;
    std::int64_t created_unix_s = 0;
    std::string model;
    UsageChunk usage_chunk = UsageChunk::kNo;
};

std::unique_ptr<AnswerForm> openai_chat_form(const AnswerHead& head);
std::unique_ptr<AnswerForm> openai_completion_form(const AnswerHead& head);
std::unique_ptr<AnswerForm> anthropic_form(const AnswerHead& head);
std::unique_ptr<AnswerForm> agent_message_form(const AnswerHead& head);  // POST /agents/{name}/messages

// The memory layer's words in the API layer's.
AnswerDelta delta_of(const AnswerPiece& piece);
Usage usage_of(const TurnMetrics& metrics);
ChatAnswer answer_of(const AnswerHead& head, const TurnResult& result, const std::string& agent);

}  // namespace kvasir
