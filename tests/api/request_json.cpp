#include "api/request_json.h"

#include <string>

namespace kvasir::test {

namespace json = boost::json;

namespace {

json::value content_json(const std::string& text, ContentForm form) {
    if (form == ContentForm::kString) return json::value(text);
    json::array parts;
    std::size_t begin = 0;
    while (begin <= text.size()) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        parts.push_back(json::object{{"type", "text"}, {"text", text.substr(begin, end - begin)}});
        begin = end + 1;
    }
    return parts;
}

void put_text(json::object& out, const char* name, const std::string& text) {
    if (!text.empty()) out[name] = text;
}

template <class T>
void put(json::object& out, const char* name, const std::optional<T>& value) {
    if (value) out[name] = *value;
}

json::object openai_message(const ChatMessage& message, ContentForm form) {
    json::object out{{"role", message.role == Role::kSystem      ? "system"
                              : message.role == Role::kUser      ? "user"
                              : message.role == Role::kAssistant ? "assistant"
                                                                 : "tool"}};
    const bool is_assistant = message.role == Role::kAssistant;
    out["content"] = content_json(message.content, is_assistant ? ContentForm::kString : form);
    if (is_assistant && message.content.empty()) out["content"] = nullptr;
    put_text(out, "reasoning_content", message.reasoning);
    put_text(out, "name", message.name);
    put_text(out, "tool_call_id", message.tool_call_id);
    json::array calls;
    for (const ToolCall& call : message.tool_calls) {
        calls.push_back(
            json::object{{"id", call.id},
                         {"type", "function"},
                         {"function", json::object{{"name", call.name}, {"arguments", call.arguments}}}});
    }
    if (!calls.empty()) out["tool_calls"] = calls;
    return out;
}

void put_openai_tools(json::object& out, const ChatRequest& request) {
    json::array tools;
    for (const ToolDefinition& tool : request.tools) {
        json::object function{{"name", tool.name}};
        put_text(function, "description", tool.description);
        if (!tool.parameters.empty()) function["parameters"] = json::parse(tool.parameters);
        tools.push_back(json::object{{"type", "function"}, {"function", function}});
    }
    if (!tools.empty()) out["tools"] = tools;
    const AnswerConstraint& constraint = request.constraint;
    if (!constraint.tool_name.empty()) {
        out["tool_choice"] =
            json::object{{"type", "function"}, {"function", json::object{{"name", constraint.tool_name}}}};
    } else if (constraint.tool_choice != ToolChoice::kAuto) {
        out["tool_choice"] = constraint.tool_choice == ToolChoice::kNone ? "none" : "required";
    }
    if (constraint.parallel == ParallelToolCalls::kNo) out["parallel_tool_calls"] = false;
    if (!constraint.json_schema.empty()) {
        const json::object schema{{"name", "answer"}, {"schema", json::parse(constraint.json_schema)}};
        out["response_format"] = json::object{{"type", "json_schema"}, {"json_schema", schema}};
    }
}

void put_shared(json::object& out, const ChatRequest& request) {
    if (!request.model.empty()) out["model"] = request.model;
    put(out, "agent", request.agent);
    put(out, "max_tokens", request.answer_tokens_max);
    put(out, "temperature", request.sampling.temperature);
    put(out, "top_p", request.sampling.top_p);
    put(out, "top_k", request.sampling.top_k);
    put(out, "min_p", request.sampling.min_p);
    put(out, "repeat_penalty", request.sampling.repeat_penalty);
    if (request.stream == StreamMode::kStream) out["stream"] = true;
    put_text(out, "session_id", request.session.session_id);
    put_text(out, "prompt_cache_key", request.session.prompt_cache_key);
    put_text(out, "user", request.session.user);
}

json::object anthropic_assistant(const ChatMessage& message) {
    json::array blocks;
    if (!message.reasoning.empty()) {
        blocks.push_back(
            json::object{{"type", "thinking"}, {"thinking", message.reasoning}, {"signature", "x"}});
    }
    if (!message.content.empty()) blocks.push_back(json::object{{"type", "text"}, {"text", message.content}});
    for (const ToolCall& call : message.tool_calls) {
        blocks.push_back(json::object{{"type", "tool_use"},
                                      {"id", call.id},
                                      {"name", call.name},
                                      {"input", json::parse(call.arguments)}});
    }
    return {{"role", "assistant"}, {"content", blocks}};
}

// Tool results that follow each other are blocks of one user message.
void add_tool_result(json::array& messages, const ChatMessage& message, bool follows_another,
                     ContentForm form) {
    json::object block{{"type", "tool_result"}, {"tool_use_id", message.tool_call_id}};
    block["content"] = content_json(message.content, form);
    if (follows_another) {
        messages.back().as_object()["content"].as_array().push_back(block);
    } else {
        json::object user{{"role", "user"}};
        user["content"] = json::array(1, block);
        messages.push_back(user);
    }
}

json::array anthropic_messages(const ChatRequest& request, std::size_t first, ContentForm form) {
    json::array messages;
    for (std::size_t i = first; i < request.messages.size(); ++i) {
        const ChatMessage& message = request.messages[i];
        if (message.role == Role::kAssistant) {
            messages.push_back(anthropic_assistant(message));
        } else if (message.role == Role::kTool) {
            const bool follows = i > first && request.messages[i - 1].role == Role::kTool;
            add_tool_result(messages, message, follows, form);
        } else {
            json::object out{{"role", message.role == Role::kUser ? "user" : "system"}};
            out["content"] = content_json(message.content, form);
            messages.push_back(out);
        }
    }
    return messages;
}

void put_anthropic_tools(json::object& out, const ChatRequest& request) {
    json::array tools;
    for (const ToolDefinition& tool : request.tools) {
        json::object fields{{"name", tool.name}};
        put_text(fields, "description", tool.description);
        if (!tool.parameters.empty()) fields["input_schema"] = json::parse(tool.parameters);
        tools.push_back(fields);
    }
    if (!tools.empty()) out["tools"] = tools;
    const AnswerConstraint& constraint = request.constraint;
    json::object choice{{"type", constraint.tool_choice == ToolChoice::kAuto   ? "auto"
                                 : constraint.tool_choice == ToolChoice::kNone ? "none"
                                 : constraint.tool_name.empty()                ? "any"
                                                                               : "tool"}};
    put_text(choice, "name", constraint.tool_name);
    if (constraint.parallel == ParallelToolCalls::kNo) choice["disable_parallel_tool_use"] = true;
    out["tool_choice"] = choice;
    if (!constraint.json_schema.empty()) {
        const json::object format{{"type", "json_schema"}, {"schema", json::parse(constraint.json_schema)}};
        out["output_config"] = json::object{{"format", format}};
    }
}

}  // namespace

json::object openai_request_json(const ChatRequest& request, ContentForm form) {
    json::object out;
    json::array messages;
    for (const ChatMessage& message : request.messages) messages.push_back(openai_message(message, form));
    out["messages"] = messages;
    put_shared(out, request);
    put_openai_tools(out, request);
    put(out, "seed", request.sampling.seed);
    put(out, "presence_penalty", request.sampling.presence_penalty);
    put(out, "frequency_penalty", request.sampling.frequency_penalty);
    json::object biases;
    for (const auto& [token, bias] : request.sampling.logit_bias) biases[std::to_string(token)] = bias;
    if (!biases.empty()) out["logit_bias"] = biases;
    if (!request.stops.empty()) out["stop"] = json::array(request.stops.begin(), request.stops.end());
    if (request.usage_chunk == UsageChunk::kYes)
        out["stream_options"] = json::object{{"include_usage", true}};
    if (request.top_logprobs) out["logprobs"] = true;
    put(out, "top_logprobs", request.top_logprobs);
    if (request.thinking == Thinking::kOn) out["reasoning_effort"] = "high";
    if (request.thinking == Thinking::kOff) out["reasoning_effort"] = "none";
    return out;
}

json::object anthropic_request_json(const ChatRequest& request, ContentForm form) {
    json::object out;
    const bool has_system = !request.messages.empty() && request.messages.front().role == Role::kSystem;
    if (has_system) out["system"] = content_json(request.messages.front().content, form);
    out["messages"] = anthropic_messages(request, has_system ? 1 : 0, form);
    put_shared(out, request);
    put_anthropic_tools(out, request);
    if (!request.stops.empty())
        out["stop_sequences"] = json::array(request.stops.begin(), request.stops.end());
    if (!request.session.previous_id.empty()) {
        out["diagnostics"] = json::object{{"previous_message_id", request.session.previous_id}};
    }
    if (request.thinking == Thinking::kOn) out["thinking"] = json::object{{"type", "enabled"}};
    if (request.thinking == Thinking::kOff) out["thinking"] = json::object{{"type", "disabled"}};
    return out;
}

}  // namespace kvasir::test
