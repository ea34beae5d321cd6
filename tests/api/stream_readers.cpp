#include "api/stream_readers.h"

#include <map>

namespace kvasir::test {

namespace json = boost::json;

namespace {

std::string text_at(const json::object& object, std::string_view name) {
    const json::value* const value = object.if_contains(name);
    return value != nullptr && value->is_string()
               ? std::string(value->get_string().c_str(), value->get_string().size())
               : std::string();
}

const json::object& object_at(const json::object& object, std::string_view name) {
    return object.at(name).as_object();
}

class OpenAiReader {
  public:
    StreamedAnswer read(std::string_view stream) {
        out_.message.role = Role::kAssistant;
        for (const SseEvent& event : read_events(stream, out_.complaints)) take(event);
        if (!ended_) complain("no [DONE]");
        return std::move(out_);
    }

  private:
    void complain(std::string text) { out_.complaints.push_back(std::move(text)); }

    void take(const SseEvent& event) {
        if (ended_) complain("an event after [DONE]");
        if (!event.name.empty()) complain("an event with a name");
        if (event.data == "[DONE]") {
            ended_ = true;
            return;
        }
        const json::object chunk = json::parse(event.data).as_object();
        if (const json::value* const error = chunk.if_contains("error")) {
            out_.error = *error;
            return;
        }
        if (text_at(chunk, "object") != "chat.completion.chunk") complain("not a chunk");
        out_.id = text_at(chunk, "id");
        out_.model = text_at(chunk, "model");
        if (const json::value* const usage = chunk.if_contains("usage")) out_.usage = *usage;
        if (const json::value* const memory = chunk.if_contains("kvasir")) out_.memory = *memory;
        for (const json::value& choice : chunk.at("choices").as_array()) take_choice(choice.as_object());
    }

    void take_choice(const json::object& choice) {
        if (!out_.finish_reason.empty()) complain("a choice after the finish reason");
        const json::object& delta = object_at(choice, "delta");
        if (!began_ && text_at(delta, "role") != "assistant") complain("the first delta has no role");
        began_ = true;
        out_.message.content += text_at(delta, "content");
        out_.message.reasoning += text_at(delta, "reasoning_content");
        if (const json::value* const calls = delta.if_contains("tool_calls")) {
            for (const json::value& call : calls->as_array()) take_call(call.as_object());
        }
        if (const json::value& logprobs = choice.at("logprobs"); !logprobs.is_null()) {
            for (const json::value& token : logprobs.at("content").as_array()) out_.logprobs.push_back(token);
        }
        out_.finish_reason = text_at(choice, "finish_reason");
    }

    void take_call(const json::object& call) {
        const auto index = call.at("index").to_number<std::size_t>();
        auto& calls = out_.message.tool_calls;
        const json::object& function = object_at(call, "function");
        if (index == calls.size()) {
            if (text_at(call, "type") != "function") complain("a call without a type");
            if (text_at(call, "id").empty() || text_at(function, "name").empty())
                complain("a call without id and name");
            calls.push_back({text_at(call, "id"), text_at(function, "name"), ""});
        } else if (index > calls.size()) {
            complain("calls out of order");
            return;
        } else if (call.contains("id") || function.contains("name")) {
            complain("id or name twice");
        }
        calls[index].arguments += text_at(function, "arguments");
    }

    StreamedAnswer out_;
    bool began_ = false;
    bool ended_ = false;
};

class AnthropicReader {
  public:
    StreamedAnswer read(std::string_view stream) {
        out_.message.role = Role::kAssistant;
        for (const SseEvent& event : read_events(stream, out_.complaints)) take(event);
        if (state_ != State::kEnded) complain("no message_stop");
        return std::move(out_);
    }

  private:
    enum class State { kBefore, kBetweenBlocks, kInBlock, kAfterDelta, kEnded };

    void complain(std::string text) { out_.complaints.push_back(std::move(text)); }
    void expect(State state, std::string_view event) {
        if (state_ != state) complain(std::string(event) + " out of place");
    }

    void take(const SseEvent& event) {
        const json::object fields = json::parse(event.data).as_object();
        if (event.name != text_at(fields, "type")) complain("event name and type differ");
        if (event.name == "ping") return;
        if (event.name == "error") {
            out_.error = fields.at("error");
            state_ = State::kEnded;
        } else if (event.name == "message_start") {
            start(object_at(fields, "message"));
        } else if (event.name == "message_delta") {
            message_delta(fields);
        } else if (event.name == "message_stop") {
            expect(State::kAfterDelta, event.name);
            state_ = State::kEnded;
        } else {
            take_block_event(event.name, fields);
        }
    }

    void start(const json::object& message) {
        expect(State::kBefore, "message_start");
        state_ = State::kBetweenBlocks;
        out_.id = text_at(message, "id");
        out_.model = text_at(message, "model");
        out_.usage = message.at("usage");
        if (!message.at("content").as_array().empty()) complain("message_start has content");
    }

    void message_delta(const json::object& fields) {
        expect(State::kBetweenBlocks, "message_delta");
        state_ = State::kAfterDelta;
        out_.finish_reason = text_at(object_at(fields, "delta"), "stop_reason");
        out_.stop_sequence = object_at(fields, "delta").at("stop_sequence");
        out_.usage = fields.at("usage");
        out_.memory = fields.at("kvasir");
    }

    void take_block_event(const std::string& name, const json::object& fields) {
        const auto index = fields.at("index").to_number<std::size_t>();
        if (name == "content_block_start") {
            expect(State::kBetweenBlocks, name);
            state_ = State::kInBlock;
            if (index != blocks_++) complain("blocks are not counted");
            begin_block(object_at(fields, "content_block"));
            return;
        }
        expect(State::kInBlock, name);
        if (index + 1 != blocks_) complain("an event of another block");
        if (name == "content_block_stop") {
            if (kind_ == "thinking" && !signed_) complain("thinking without a signature");
            state_ = State::kBetweenBlocks;
        } else if (name == "content_block_delta") {
            block_delta(object_at(fields, "delta"));
        } else {
            complain("unknown event " + name);
        }
    }

    void begin_block(const json::object& block) {
        kind_ = text_at(block, "type");
        signed_ = false;
        if (kind_ != "tool_use") return;
        if (text_at(block, "id").empty() || text_at(block, "name").empty())
            complain("a call without id and name");
        if (!object_at(block, "input").empty()) complain("input before its delta");
        out_.message.tool_calls.push_back({text_at(block, "id"), text_at(block, "name"), ""});
    }

    void block_delta(const json::object& delta) {
        const std::string type = text_at(delta, "type");
        if (kind_ == "text" && type == "text_delta") {
            out_.message.content += text_at(delta, "text");
        } else if (kind_ == "thinking" && type == "thinking_delta") {
            out_.message.reasoning += text_at(delta, "thinking");
        } else if (kind_ == "thinking" && type == "signature_delta") {
            signed_ = true;
        } else if (kind_ == "tool_use" && type == "input_json_delta") {
            out_.message.tool_calls.back().arguments += text_at(delta, "partial_json");
        } else {
            complain(type + " in a block of " + kind_);
        }
    }

    StreamedAnswer out_;
    State state_ = State::kBefore;
    std::size_t blocks_ = 0;
    std::string kind_;
    bool signed_ = false;
};

}  // namespace

std::vector<SseEvent> read_events(std::string_view stream, std::vector<std::string>& complaints) {
    std::vector<SseEvent> events;
    SseEvent event;
    while (!stream.empty()) {
        const std::size_t end = stream.find('\n');
        if (end == std::string_view::npos) {
            complaints.emplace_back("an unfinished line");
            return events;
        }
        const std::string_view line = stream.substr(0, end);
        stream.remove_prefix(end + 1);
        if (line.empty()) {
            events.push_back(std::move(event));
            event = {};
        } else if (line.rfind("event: ", 0) == 0) {
            event.name = line.substr(7);
        } else if (line.rfind("data: ", 0) == 0 && event.data.empty()) {
            event.data = line.substr(6);
        } else {
            complaints.push_back("not a line of an event: " + std::string(line));
        }
    }
    if (!event.data.empty()) complaints.emplace_back("an unfinished event");
    return events;
}

StreamedAnswer read_openai_stream(std::string_view stream) { return OpenAiReader().read(stream); }
StreamedAnswer read_anthropic_stream(std::string_view stream) { return AnthropicReader().read(stream); }

}  // namespace kvasir::test
