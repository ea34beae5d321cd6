#include "engine/llama/chat_conversion.h"

#include <array>
#include <chrono>
#include <ctime>
#include <utility>

#include <fmt/format.h>

#include "engine/llama/json_schemas.h"

namespace kvasir {

namespace {

// Templates want an object. What a model wrote instead comes back as a string in one, so that a conversation
// with a broken call in it can go on.
std::string object_arguments(const std::string& arguments) {
    if (arguments.empty()) return "{}";
    return is_json_object(arguments) ? arguments : "{\"arguments\": " + json_string(arguments) + "}";
}

common_chat_msg to_common(const ChatMessage& message) {
    common_chat_msg converted;
    converted.role = to_string(message.role);
    converted.content = message.content;
    converted.reasoning_content = message.reasoning;
    converted.tool_name = message.name;
    converted.tool_call_id = message.tool_call_id;
    for (const ToolCall& call : message.tool_calls)
        converted.tool_calls.push_back({call.name, object_arguments(call.arguments), call.id});
    return converted;
}

Result<common_chat_tool> to_common(const ToolDefinition& tool) {
    if (tool.parameters.empty())
        return common_chat_tool{tool.name, tool.description, R"({"type": "object", "properties": {}})"};
    if (is_json_object(tool.parameters))
        return common_chat_tool{tool.name, tool.description, tool.parameters};
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the parameters of the tool {} are no JSON object that is nested at most {} deep",
                            tool.name, kJsonDepthMax));
}

std::string formatted_date(std::int64_t unix_ms, const char* format) {
    const std::time_t seconds = static_cast<std::time_t>(unix_ms / 1000);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 64> text{};
    return {text.data(), std::strftime(text.data(), text.size(), format, &parts)};
}

}  // namespace

Result<common_chat_templates_inputs> to_template_inputs(const ChatPrompt& prompt) {
    common_chat_templates_inputs inputs;
    inputs.use_jinja = true;
    inputs.add_generation_prompt = prompt.generation_prompt == GenerationPrompt::kYes;
    inputs.enable_thinking = prompt.thinking != Thinking::kOff;
    inputs.reasoning_format = COMMON_REASONING_FORMAT_AUTO;
    inputs.now = std::chrono::system_clock::time_point(std::chrono::milliseconds(prompt.now_unix_ms));
    // llama-common would take today's date for these two, and the prefix of an agent would change every day.
    inputs.chat_template_kwargs["date_string"] = json_string(formatted_date(prompt.now_unix_ms, "%d %b %Y"));
    inputs.chat_template_kwargs["datetime"] = json_string(formatted_date(prompt.now_unix_ms, "%b %d %Y"));
    for (const ChatMessage& message : prompt.messages) inputs.messages.push_back(to_common(message));
    for (const ToolDefinition& tool : prompt.tools) {
        KVASIR_TRY_ASSIGN(auto converted, to_common(tool));
        inputs.tools.push_back(std::move(converted));
    }
    return inputs;
}

ChatMessage from_common(common_chat_msg message) {
    ChatMessage converted;
    converted.role = Role::kAssistant;
    converted.content = std::move(message.content);
    converted.reasoning = std::move(message.reasoning_content);
    for (common_chat_tool_call& call : message.tool_calls)
        converted.tool_calls.push_back({std::move(call.id), std::move(call.name), std::move(call.arguments)});
    return converted;
}

}  // namespace kvasir
