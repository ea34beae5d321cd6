// Answers of the messages endpoint as events. Blocks come one after the other, as the protocol's clients
// expect them.
#include "api/answer_json.h"
#include "api/anthropic.h"
#include "api/anthropic_json.h"
#include "api/json_text.h"

namespace kvasir {

namespace json = boost::json;

namespace {

std::string event(std::string_view name, json::object fields) {
    json::object out{{"type", name}};
    for (auto& field : fields) out[field.key()] = std::move(field.value());
    return sse_event(name, to_json_text(out));
}

std::string block_start(std::size_t index, json::object block) {
    return event("content_block_start", {{"index", index}, {"content_block", std::move(block)}});
}

std::string block_delta(std::size_t index, json::object delta) {
    return event("content_block_delta", {{"index", index}, {"delta", std::move(delta)}});
}

}  // namespace

AnthropicStream::AnthropicStream(std::string id, std::string model)
    : id_(std::move(id)), model_(std::move(model)) {}

std::string AnthropicStream::begin(const Usage& usage) const {
    return event("message_start", {{"message", anthropic_message_json(id_, model_, {}, usage)}});
}

std::string AnthropicStream::ping() const { return event("ping", {}); }

std::string AnthropicStream::close_block() {
    if (!open_) return {};
    std::string out;
    if (open_->kind == BlockKind::kThinking) {
        out = block_delta(open_->index, {{"type", "signature_delta"}, {"signature", kThinkingSignature}});
    }
    out += event("content_block_stop", {{"index", open_->index}});
    open_.reset();
    return out;
}

std::string AnthropicStream::text_delta(BlockKind kind, std::string_view text) {
    if (text.empty()) return {};
    const bool is_thinking = kind == BlockKind::kThinking;
    std::string out;
    if (!open_ || open_->kind != kind) {
        out = close_block();
        open_ = OpenBlock{kind, blocks_++, 0};
        out +=
            block_start(open_->index,
                        is_thinking ? json::object{{"type", "thinking"}, {"thinking", ""}, {"signature", ""}}
                                    : json::object{{"type", "text"}, {"text", ""}});
    }
    out +=
        block_delta(open_->index, is_thinking ? json::object{{"type", "thinking_delta"}, {"thinking", text}}
                                              : json::object{{"type", "text_delta"}, {"text", text}});
    return out;
}

std::string AnthropicStream::call_delta(const ToolCallDelta& call) {
    std::string out;
    if (call.index >= call_blocks_.size()) {
        out = close_block();
        open_ = OpenBlock{BlockKind::kToolUse, blocks_++, call.index};
        call_blocks_.resize(call.index + 1, open_->index);
        out += block_start(
            open_->index,
            {{"type", "tool_use"}, {"id", call.id}, {"name", call.name}, {"input", json::object()}});
    }
    if (call.arguments.empty()) return out;
    return out + block_delta(call_blocks_[call.index],
                             {{"type", "input_json_delta"}, {"partial_json", call.arguments}});
}

std::string AnthropicStream::delta(const AnswerDelta& delta) {
    // What belongs to the call that is open goes before anything that would close it.
    const auto is_open = [this](const ToolCallDelta& call) {
        return open_ && open_->kind == BlockKind::kToolUse && open_->call == call.index;
    };
    std::string out;
    std::size_t next = 0;
    while (next < delta.tool_calls.size() && is_open(delta.tool_calls[next]))
        out += call_delta(delta.tool_calls[next++]);
    out += text_delta(BlockKind::kThinking, delta.reasoning);
    out += text_delta(BlockKind::kText, delta.content);
    for (; next < delta.tool_calls.size(); ++next) out += call_delta(delta.tool_calls[next]);
    return out;
}

std::string AnthropicStream::finish(const ChatAnswer& answer) {
    std::string out = close_block();
    out += event("message_delta", {{"delta",
                                    {{"stop_reason", anthropic_stop_reason(answer.finish_reason)},
                                     {"stop_sequence", anthropic_stop_sequence(answer)}}},
                                   {"usage", anthropic_usage_json(answer.usage)},
                                   {"kvasir", memory_json(answer.memory)}});
    return out + event("message_stop", {});
}

std::string AnthropicStream::error(const ApiError& error) const {
    return sse_event("error", anthropic_error_body(error));
}

}  // namespace kvasir
