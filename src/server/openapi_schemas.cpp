#include "server/openapi_schemas.h"

#include <limits>
#include <utility>

#include "api/api_limits.h"
#include "base/limits.h"

namespace kvasir {

namespace {

namespace json = boost::json;

constexpr const char* kNamePattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$";
constexpr std::int64_t kTurnsMax = std::numeric_limits<std::uint32_t>::max();

json::object text() { return {{"type", "string"}}; }
json::object name() { return {{"type", "string"}, {"pattern", kNamePattern}}; }
json::object tool_name() { return {{"type", "string"}, {"pattern", "^[A-Za-z0-9_.:/-]{1,64}$"}}; }
json::object flag() { return {{"type", "boolean"}}; }
json::object any_object() { return {{"type", "object"}}; }
json::object list(json::object items) { return {{"type", "array"}, {"items", std::move(items)}}; }
json::object either(json::object a, json::object b) {
    return {{"anyOf", json::array{std::move(a), std::move(b)}}};
}
json::object one_of(json::array values) { return {{"enum", std::move(values)}}; }

json::object integer(std::int64_t least, std::int64_t most) {
    return {{"type", "integer"}, {"minimum", least}, {"maximum", most}};
}

json::object number(double least, double most) {
    return {{"type", "number"}, {"minimum", least}, {"maximum", most}};
}

json::object object_of(json::array required, json::object properties) {
    json::object object{{"type", "object"}, {"properties", std::move(properties)}};
    if (!required.empty()) object["required"] = std::move(required);
    return object;
}

json::object stops(std::size_t most) {
    json::object stop{
        {"type", "string"}, {"minLength", 1}, {"maxLength", kStopBytesMax / 4}};  // bytes, not characters
    json::object several = list(stop);
    several["maxItems"] = most;
    return either(std::move(stop), std::move(several));
}

void add(json::object& to, const json::object& more) {
    for (const auto& field : more) to[field.key()] = field.value();
}

// Who speaks, and what all protocols sample with.
json::object common_fields(double temperature_max) {
    return {{"model", text()},
            {"agent", name()},
            {"session_id", text()},
            {"metadata", any_object()},
            {"stream", flag()},
            {"temperature", number(0, temperature_max)},
            {"top_p", number(0, 1)},
            {"min_p", number(0, 1)},
            {"top_k", integer(-1, 1'000'000)},
            {"repeat_penalty", number(0.01, 10)}};
}

json::object openai_fields() {
    json::object fields = common_fields(2);
    add(fields, {{"presence_penalty", number(-2, 2)},
                 {"frequency_penalty", number(-2, 2)},
                 {"seed", {{"type", "integer"}}},
                 {"logit_bias",
                  {{"type", "object"},
                   {"additionalProperties", number(-100, 100)},
                   {"maxProperties", 8},
                   {"propertyNames", {{"pattern", "^[0-9]{1,4}$"}}}}},
                 {"stop", stops(kOpenAiStopsMax)},
                 {"max_tokens", integer(1, kAnswerTokensMax)},
                 {"n", integer(1, 1)},
                 {"stream_options", object_of({}, {{"include_usage", flag()}})},
                 {"user", text()},
                 {"prompt_cache_key", text()}});
    return fields;
}

json::object openai_message() {
    const json::object part = object_of({"type", "text"}, {{"type", one_of({"text"})}, {"text", text()}});
    const json::object call = object_of(
        {"id", "function"},
        {{"id", text()},
         {"type", one_of({"function"})},
         {"function", object_of({"name", "arguments"}, {{"name", text()}, {"arguments", text()}})}});
    return object_of({"role", "content"},
                     {{"role", one_of({"system", "developer", "user", "assistant", "tool"})},
                      {"content", either(text(), list(part))},
                      {"name", text()},
                      {"reasoning_content", text()},
                      {"tool_calls", list(call)},
                      {"tool_call_id", text()}});
}

json::object openai_tool() {
    const json::object function =
        object_of({"name"}, {{"name", tool_name()}, {"description", text()}, {"parameters", any_object()}});
    return object_of({"type", "function"}, {{"type", one_of({"function"})}, {"function", function}});
}

json::object chat_completion() {
    json::object fields = openai_fields();
    json::object messages = list(openai_message());
    messages["minItems"] = 1;
    const json::object format = object_of(
        {"type"}, {{"type", one_of({"text", "json_object", "json_schema"})},
                   {"json_schema", object_of({"schema"}, {{"name", text()}, {"schema", any_object()}})}});
    const json::object choice = either(one_of({"auto", "none", "required"}), openai_tool());
    add(fields, {{"messages", std::move(messages)},
                 {"tools", list(openai_tool())},
                 {"tool_choice", choice},
                 {"parallel_tool_calls", flag()},
                 {"response_format", format},
                 {"max_completion_tokens", integer(1, kAnswerTokensMax)},
                 {"logprobs", flag()},
                 {"top_logprobs", integer(0, kTopLogprobsMax)},
                 {"reasoning_effort", one_of({"none", "minimal", "low", "medium", "high", "xhigh", "max"})}});
    return object_of({"messages"}, std::move(fields));
}

json::object completion() {
    json::object fields = openai_fields();
    json::object tokens = list(integer(0, std::numeric_limits<std::int32_t>::max()));
    tokens["minItems"] = 1;
    add(fields, {{"prompt", either(text(), std::move(tokens))},
                 {"logprobs", integer(0, kCompletionLogprobsMax)},
                 {"echo", one_of({false})}});
    return object_of({"prompt"}, std::move(fields));
}

json::object anthropic_message() {
    const json::object words = object_of({"type", "text"}, {{"type", one_of({"text"})}, {"text", text()}});
    const json::object use = object_of(
        {"type", "id", "name", "input"},
        {{"type", one_of({"tool_use"})}, {"id", text()}, {"name", text()}, {"input", any_object()}});
    const json::object result = object_of({"type", "tool_use_id"}, {{"type", one_of({"tool_result"})},
                                                                    {"tool_use_id", text()},
                                                                    {"content", text()},
                                                                    {"is_error", flag()}});
    const json::object block{{"anyOf", json::array{words, use, result}}};
    return object_of({"role", "content"},
                     {{"role", one_of({"user", "assistant"})}, {"content", either(text(), list(block))}});
}

// What both endpoints of the protocol read.
json::object prompt_fields() {
    json::object messages = list(anthropic_message());
    messages["minItems"] = 1;
    const json::object tool =
        object_of({"name", "input_schema"},
                  {{"name", tool_name()}, {"description", text()}, {"input_schema", any_object()}});
    return {{"model", text()},
            {"agent", name()},
            {"session_id", text()},
            {"metadata", any_object()},
            {"messages", std::move(messages)},
            {"system", text()},
            {"tools", list(tool)},
            {"tool_choice",
             object_of({"type"}, {{"type", one_of({"auto", "any", "tool", "none"})}, {"name", text()}})},
            {"thinking", object_of({"type"}, {{"type", one_of({"enabled", "disabled", "adaptive"})},
                                              {"budget_tokens", {{"type", "integer"}}}})}};
}

json::object messages_body() {
    json::object fields = common_fields(1);
    json::object stop = list({{"type", "string"}, {"minLength", 1}, {"maxLength", kStopBytesMax / 4}});
    stop["maxItems"] = kAnthropicStopsMax;
    add(fields, prompt_fields());
    add(fields, {{"max_tokens", integer(1, kAnswerTokensMax)}, {"stop_sequences", std::move(stop)}});
    return object_of({"model", "messages", "max_tokens"}, std::move(fields));
}

json::object agent_message() {
    return object_of({"content"}, {{"content", text()},
                                   {"stream", flag()},
                                   {"raw", flag()},
                                   {"max_tokens", integer(1, kAnswerTokensMax)},
                                   {"temperature", number(0, 2)},
                                   {"top_p", number(0, 1)},
                                   {"min_p", number(0, 1)},
                                   {"seed", integer(0, kTurnsMax)},
                                   {"stop", stops(kOpenAiStopsMax)},
                                   {"expected_turn", integer(0, kTurnsMax)}});
}

}  // namespace

json::object request_schema(std::string_view pattern) {
    if (pattern.ends_with("/v1/chat/completions")) return chat_completion();
    if (pattern.ends_with("/v1/completions")) return completion();
    if (pattern.ends_with("/v1/messages")) return messages_body();
    if (pattern.ends_with("/v1/messages/count_tokens"))
        return object_of({"model", "messages"}, prompt_fields());
    if (pattern == "/agents")
        return object_of({"name"},
                         {{"name", name()}, {"type", text()}, {"system_prompt", text()}, {"model", text()}});
    if (pattern == "/agents/{name}/messages") return agent_message();
    if (pattern == "/agents/{name}/fork")
        return object_of({"name"}, {{"name", name()}, {"at", integer(0, kTurnsMax)}});
    if (pattern == "/agents/{name}")
        return object_of({}, {{"name", name()},
                              {"title", text()},
                              {"type", text()},
                              {"pinned", flag()},
                              {"when_full", one_of({"refuse", "drop_oldest_turns"})}});
    if (pattern == "/agents/{name}/pin") return object_of({}, {{"pinned", flag()}});
    if (pattern == "/agents/{name}/import")
        return object_of({"file"},
                         {{"file", text()}, {"model", text()}, {"trust_kv", flag()}, {"dry_run", flag()}});
    if (pattern == "/agents/{name}/rollback") return object_of({"to"}, {{"to", integer(0, kTurnsMax)}});
    return {};
}

json::object path_schema(std::string_view parameter) { return parameter == "name" ? name() : text(); }

}  // namespace kvasir
