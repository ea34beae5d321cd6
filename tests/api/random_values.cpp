#include "api/random_values.h"

#include <array>
#include <string_view>

#include <rapidcheck.h>

namespace kvasir::test {

namespace {

// Characters that JSON, events and lines treat in their own ways.
constexpr std::array<std::string_view, 16> kCharacters = {"a",
                                                          "Z",
                                                          "7",
                                                          " ",
                                                          "\n",
                                                          "\"",
                                                          "\\",
                                                          "\t",
                                                          "\x01",
                                                          "data: ",
                                                          "{",
                                                          "}",
                                                          "\xC3\xA9",
                                                          "\xE2\x82\xAC",
                                                          "\xF0\x9F\xA6\x89",
                                                          "/"};

int random_below(int end) { return *rc::gen::inRange(0, end); }
bool random_flag() { return random_below(2) == 1; }

template <class T>
std::optional<T> maybe(T value) {
    if (random_flag()) return value;
    return std::nullopt;
}

float random_share() { return static_cast<float>(random_below(1001)) / 1000.0F; }

std::string random_name() { return "n" + std::to_string(random_below(1000)); }

// Compact, so that it is read back as the same text.
std::string random_object_text() {
    constexpr std::array<std::string_view, 5> kObjects = {
        R"({})", R"({"type":"object","properties":{"city":{"type":"string"}},"required":["city"]})",
        R"({"a":[1,2.5,null,true],"b":{"c":"x\ny"}})", R"({"number":-0.25,"big":18446744073709551615})",
        R"({"text":"é \"quoted\""})"};
    return std::string(kObjects[static_cast<std::size_t>(random_below(5))]);
}

ChatMessage random_assistant(std::size_t& call_count) {
    ChatMessage message;
    message.role = Role::kAssistant;
    message.content = random_text();
    message.reasoning = random_text();
    for (int calls = random_below(3); calls > 0; --calls) {
        message.tool_calls.push_back(
            {"call_" + std::to_string(call_count++), random_name(), random_object_text()});
    }
    return message;
}

// A turn: a question, perhaps calls and their results.
void add_turn(std::vector<ChatMessage>& messages, std::size_t& call_count, Protocol protocol) {
    ChatMessage user;
    user.content = random_text();
    if (protocol == Protocol::kOpenAi && random_flag()) user.name = random_name();
    messages.push_back(user);
    if (random_flag()) return;
    const ChatMessage assistant = random_assistant(call_count);
    messages.push_back(assistant);
    for (const ToolCall& call : assistant.tool_calls) {
        ChatMessage result;
        result.role = Role::kTool;
        result.content = random_text();
        result.tool_call_id = call.id;
        result.name = call.name;
        messages.push_back(result);
    }
}

std::vector<ChatMessage> random_messages(Protocol protocol) {
    std::vector<ChatMessage> messages;
    std::size_t call_count = 0;
    for (int turns = 1 + random_below(4); turns > 0; --turns) {
        if (random_below(3) == 0) {
            ChatMessage system;
            system.role = Role::kSystem;
            system.content = "s" + random_text();
            messages.push_back(system);
        }
        add_turn(messages, call_count, protocol);
    }
    ChatMessage last;
    last.content = random_text();
    messages.push_back(last);
    return messages;
}

void add_tools(ChatRequest& request) {
    for (int i = random_below(4); i > 0; --i) {
        request.tools.push_back(
            {"tool_" + std::to_string(i), random_text(), random_flag() ? random_object_text() : ""});
    }
    request.constraint.parallel = random_flag() ? ParallelToolCalls::kNo : ParallelToolCalls::kYes;
    if (random_flag()) request.constraint.json_schema = random_object_text();
    if (request.tools.empty()) return;
    const int choice = random_below(4);
    if (choice == 1) request.constraint.tool_choice = ToolChoice::kNone;
    if (choice >= 2) request.constraint.tool_choice = ToolChoice::kRequired;
    if (choice == 3) request.constraint.tool_name = request.tools.front().name;
}

void add_openai_only(ChatRequest& request) {
    request.sampling.presence_penalty = maybe(random_share() * 2);
    request.sampling.frequency_penalty = maybe(-random_share());
    request.sampling.seed = maybe(*rc::gen::arbitrary<std::uint32_t>());
    for (int i = random_below(4), token = 0; i > 0; --i, token += 7) {
        request.sampling.logit_bias.emplace_back(token, random_share() * 100);
    }
    request.usage_chunk = random_flag() ? UsageChunk::kYes : UsageChunk::kNo;
    request.top_logprobs = maybe(static_cast<std::uint32_t>(random_below(21)));
}

std::vector<std::string_view> characters_of(std::string_view text) {
    std::vector<std::string_view> out;
    while (!text.empty()) {
        std::size_t bytes = 1;
        while (bytes < text.size() && (static_cast<unsigned char>(text[bytes]) & 0xC0U) == 0x80) ++bytes;
        out.push_back(text.substr(0, bytes));
        text.remove_prefix(bytes);
    }
    return out;
}

std::vector<std::string> random_pieces(const std::string& text) {
    std::vector<std::string> pieces;
    for (const std::string_view character : characters_of(text)) {
        if (pieces.empty() || random_flag()) pieces.emplace_back();
        pieces.back() += character;
    }
    return pieces;
}

}  // namespace

std::string random_text() {
    std::string text;
    for (int i = random_below(12); i > 0; --i)
        text += kCharacters[static_cast<std::size_t>(random_below(16))];
    return text;
}

ChatRequest random_request(Protocol protocol) {
    ChatRequest request;
    request.model = random_name();
    request.agent = maybe(random_name());
    request.messages = random_messages(protocol);
    add_tools(request);
    constexpr std::array<Thinking, 3> kThinkings = {Thinking::kDefault, Thinking::kOff, Thinking::kOn};
    request.thinking = kThinkings[static_cast<std::size_t>(random_below(3))];
    request.sampling.temperature = maybe(random_share());
    request.sampling.top_p = maybe(random_share());
    request.sampling.top_k = maybe(random_below(500));
    request.sampling.min_p = maybe(random_share());
    request.sampling.repeat_penalty = maybe(1.0F + random_share());
    for (int i = random_below(5); i > 0; --i) request.stops.push_back("stop" + random_text());
    request.answer_tokens_max = static_cast<std::uint32_t>(1 + random_below(100'000));
    request.stream = random_flag() ? StreamMode::kStream : StreamMode::kWhole;
    if (random_flag()) request.session.session_id = random_name();
    if (random_flag()) request.session.prompt_cache_key = random_name();
    if (random_flag()) request.session.user = random_name();
    if (protocol == Protocol::kOpenAi) add_openai_only(request);
    if (protocol == Protocol::kAnthropic && random_flag()) request.session.previous_id = random_name();
    return request;
}

ChatAnswer random_answer() {
    ChatAnswer answer;
    answer.id = random_name();
    answer.created_unix_s = random_below(1'000'000);
    answer.model = random_name();
    std::size_t call_count = 0;
    answer.message = random_assistant(call_count);
    constexpr std::array<FinishReason, 5> kReasons = {FinishReason::kStop, FinishReason::kStopSequence,
                                                      FinishReason::kLength, FinishReason::kToolCalls,
                                                      FinishReason::kCancelled};
    answer.finish_reason = kReasons[static_cast<std::size_t>(random_below(5))];
    if (answer.finish_reason == FinishReason::kStopSequence) answer.stop_sequence = "stop" + random_text();
    for (int i = random_below(5); i > 0; --i) {
        answer.logprobs.push_back(
            {i % 2 == 0 ? "\xC3" : random_text(), -random_share(), {{"b", -random_share()}}});
    }
    answer.usage.prompt_tokens = static_cast<std::uint64_t>(random_below(10'000));
    answer.usage.cached_tokens = answer.usage.prompt_tokens / 2;
    answer.usage.completion_tokens = static_cast<std::uint64_t>(random_below(1000));
    answer.memory = {"disk", 1.5, 20.25, 7, random_text(), random_name(), 3, true, {}};
    return answer;
}

std::vector<AnswerDelta> random_steps(const ChatAnswer& answer) {
    std::vector<AnswerDelta> steps(1);
    const auto step = [&]() -> AnswerDelta& {
        if (random_flag()) steps.emplace_back();
        return steps.back();
    };
    for (const std::string& piece : random_pieces(answer.message.reasoning)) step().reasoning += piece;
    for (const std::string& piece : random_pieces(answer.message.content)) step().content += piece;
    for (std::size_t i = 0; i < answer.message.tool_calls.size(); ++i) {
        const ToolCall& call = answer.message.tool_calls[i];
        step().tool_calls.push_back({i, call.id, call.name, ""});
        for (const std::string& piece : random_pieces(call.arguments))
            step().tool_calls.push_back({i, "", "", piece});
    }
    for (std::size_t i = 0; i < answer.logprobs.size(); ++i) {
        steps[i * steps.size() / answer.logprobs.size()].logprobs.push_back(answer.logprobs[i]);
    }
    return steps;
}

}  // namespace kvasir::test
