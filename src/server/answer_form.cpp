#include "server/answer_form.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include "api/anthropic.h"
#include "api/openai_completions.h"
#include "server/memory_json.h"

namespace kvasir {

namespace {

namespace json = boost::json;

class OpenAiForm final : public AnswerForm {
  public:
    explicit OpenAiForm(const AnswerHead& head)
        : stream_({head.id, head.created_unix_s, head.model, head.usage_chunk}) {}
    std::string whole(const ChatAnswer& answer) override { return openai_chat_answer(answer); }
    std::string begin(const Usage&) override { return stream_.begin(); }
    std::string delta(const AnswerDelta& delta) override { return stream_.delta(delta); }
    std::string finish(const ChatAnswer& answer) override { return stream_.finish(answer); }
    std::string error(const ApiError& error) override { return stream_.error(error); }

  private:
    OpenAiChatStream stream_;
};

class CompletionForm final : public AnswerForm {
  public:
    explicit CompletionForm(const AnswerHead& head)
        : stream_({head.id, head.created_unix_s, head.model, head.usage_chunk}) {}
    std::string whole(const ChatAnswer& answer) override { return openai_completion_answer(answer); }
    std::string begin(const Usage&) override { return {}; }
    std::string delta(const AnswerDelta& delta) override { return stream_.delta(delta); }
    std::string finish(const ChatAnswer& answer) override { return stream_.finish(answer); }
    std::string error(const ApiError& error) override { return stream_.error(error); }

  private:
    OpenAiCompletionStream stream_;
};

class AnthropicForm final : public AnswerForm {
  public:
    explicit AnthropicForm(const AnswerHead& head) : stream_(head.id, head.model) {}
    std::string whole(const ChatAnswer& answer) override { return anthropic_answer(answer); }
    std::string begin(const Usage& usage) override { return stream_.begin(usage); }
    std::string delta(const AnswerDelta& delta) override { return stream_.delta(delta); }
    std::string finish(const ChatAnswer& answer) override { return stream_.finish(answer); }
    std::string error(const ApiError& error) override { return stream_.error(error); }
    std::string keep_alive() const override { return stream_.ping(); }

  private:
    AnthropicStream stream_;
};

const char* name_of(FinishReason reason) {
    switch (reason) {
        case FinishReason::kStop:
            return "stop";
        case FinishReason::kStopSequence:
            return "stop_sequence";
        case FinishReason::kLength:
            return "length";
        case FinishReason::kToolCalls:
            return "tool_calls";
        case FinishReason::kCancelled:
            return "cancelled";
    }
    return "stop";
}

// A shorter prompt is read in a blink.
constexpr Position kProgressTokensMin = 512;

// "progress" while a long prompt is read, "piece" as text comes, "done" with everything: our own route.
class AgentMessageForm final : public AnswerForm {
  public:
    std::string whole(const ChatAnswer& answer) override { return json::serialize(object_of(answer)); }
    std::string begin(const Usage&) override { return {}; }
    std::string delta(const AnswerDelta& delta) override {
        json::object object;
        if (!delta.content.empty()) object["content"] = delta.content;
        if (!delta.reasoning.empty()) object["reasoning"] = delta.reasoning;
        return object.empty() ? std::string() : event("piece", object);
    }
    std::string finish(const ChatAnswer& answer) override { return event("done", object_of(answer)); }
    std::string error(const ApiError& error) override {
        return fmt::format("event: error\ndata: {}\n\n", kvasir_error_body(error));
    }
    std::string progress(TurnPhase phase, Position done, Position total) override {
        if (total < kProgressTokensMin) return {};
        return event("progress", {{"phase", phase == TurnPhase::kRestore ? "restore" : "prefill"},
                                  {"done", done},
                                  {"total", total}});
    }
    void note_turn(const TurnResult& turn) override {
        metrics_ = turn.metrics;
        warning_ = turn.warning;
        durable_ = turn.durability != Durability::kNothing;
    }

  private:
    static std::string event(const char* name, const json::object& data) {
        return fmt::format("event: {}\ndata: {}\n\n", name, json::serialize(data));
    }
    json::object object_of(const ChatAnswer& answer) const {
        return {{"agent", answer.memory.agent},
                {"turn", answer.memory.turn},
                {"content", answer.message.content},
                {"reasoning", answer.message.reasoning},
                {"finish_reason", name_of(answer.finish_reason)},
                {"usage",
                 {{"prompt_tokens", answer.usage.prompt_tokens},
                  {"cached_tokens", answer.usage.cached_tokens},
                  {"evaluated_tokens", answer.memory.evaluated_tokens},
                  {"completion_tokens", answer.usage.completion_tokens}}},
                {"warning", warning_},
                {"durable", durable_},
                {"memory", to_json(metrics_)}};
    }

    TurnMetrics metrics_;
    std::string warning_;
    bool durable_ = true;
};

AnswerLogprob logprob_in_words_of_api(const TokenLogprob& logprob) {
    return {logprob.text, logprob.logprob, logprob.top};
}

FinishReason finish_reason_of(const TurnResult& result) {
    if (result.finish_reason == "length") return FinishReason::kLength;
    if (result.finish_reason == kCutOff) return FinishReason::kCancelled;
    if (!result.message.tool_calls.empty()) return FinishReason::kToolCalls;
    return result.stop_matched.empty() ? FinishReason::kStop : FinishReason::kStopSequence;
}

}  // namespace

std::unique_ptr<AnswerForm> openai_chat_form(const AnswerHead& head) {
    return std::make_unique<OpenAiForm>(head);
}
std::unique_ptr<AnswerForm> openai_completion_form(const AnswerHead& head) {
    return std::make_unique<CompletionForm>(head);
}
std::unique_ptr<AnswerForm> anthropic_form(const AnswerHead& head) {
    return std::make_unique<AnthropicForm>(head);
}
std::unique_ptr<AnswerForm> agent_message_form(const AnswerHead& /*head*/) {
    return std::make_unique<AgentMessageForm>();
}

AnswerDelta delta_of(const AnswerPiece& piece) {
    AnswerDelta delta;
    delta.content = piece.content;
    delta.reasoning = piece.reasoning;
    for (const ToolCallPiece& call : piece.tool_calls)
        delta.tool_calls.push_back({call.index, call.id, call.name, call.arguments});
    for (const TokenLogprob& logprob : piece.logprobs)
        delta.logprobs.push_back(logprob_in_words_of_api(logprob));
    return delta;
}

Usage usage_of(const TurnMetrics& metrics) {
    Usage usage;
    usage.prompt_tokens = metrics.prompt_tokens;
    usage.cached_tokens = metrics.reused_tokens;
    usage.completion_tokens = metrics.answer_tokens;
    usage.reasoning_tokens = metrics.reasoning_tokens;
    return usage;
}

ChatAnswer answer_of(const AnswerHead& head, const TurnResult& result, const std::string& asked) {
    const std::string& agent = result.metrics.agent.empty() ? asked : result.metrics.agent;
    ChatAnswer answer;
    answer.id = head.id;
    answer.created_unix_s = head.created_unix_s;
    answer.model = head.model;
    answer.message = result.message;
    answer.finish_reason = finish_reason_of(result);
    answer.stop_sequence = result.stop_matched;
    answer.usage = usage_of(result.metrics);
    answer.memory = {to_string(result.metrics.source),
                     result.metrics.restore_ms,
                     result.metrics.prefill_ms,
                     result.metrics.evaluated_tokens,
                     result.metrics.not_reused_reason,
                     agent,
                     result.turn,
                     result.durability != Durability::kNothing,
                     {},
                     result.metrics.changed_field};
    return answer;
}

}  // namespace kvasir
