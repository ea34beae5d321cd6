#include "engine/llama/text_tools.h"

#include <algorithm>
#include <utility>

#include <chat-peg-parser.h>
#include <json-schema-to-grammar.h>
#include <json.h>

namespace kvasir {

namespace {

constexpr const char* kCallBegin = "<tool_call>";
constexpr const char* kCallEnd = "</tool_call>";

common_json definition_of(const std::string& name, const std::string& description,
                          const std::string& parameters) {
    common_json function;
    function["name"] = name;
    function["description"] = description;
    function["parameters"] = parameters.empty()
                                 ? common_json{{"type", "object"}, {"properties", common_json::object()}}
                                 : common_json::parse(parameters);
    common_json tool;
    tool["type"] = "function";
    tool["function"] = function;
    return tool;
}

std::string instructions(const std::vector<ToolDefinition>& tools) {
    std::string text = "You can call these tools:\n<tools>\n";
    for (const ToolDefinition& tool : tools)
        text += definition_of(tool.name, tool.description, tool.parameters).dump() + "\n";
    text += "</tools>\nTo call one, answer with its name and its arguments as JSON, like this:\n";
    text += kCallBegin;
    text += "\n{\"name\": \"the tool\", \"arguments\": {\"a parameter\": \"its value\"}}\n";
    return text + kCallEnd;
}

std::string call_text(const ToolCall& call) {
    const std::string name = common_json(call.name).dump();
    return std::string(kCallBegin) + "\n{\"name\": " + name +
           ", \"arguments\": " + (call.arguments.empty() ? "{}" : call.arguments) + "}\n" + kCallEnd;
}

ChatMessage without_calls(const ChatMessage& message) {
    ChatMessage plain = message;
    plain.tool_calls.clear();
    for (const ToolCall& call : message.tool_calls)
        plain.content += (plain.content.empty() ? "" : "\n") + call_text(call);
    return plain;
}

std::string result_text(const ChatMessage& message) {
    return "<tool_response>\n" + message.content + "\n</tool_response>";
}

common_json definitions(const std::vector<common_chat_tool>& tools) {
    common_json all = common_json::array();
    for (const common_chat_tool& tool : tools)
        all.push_back(definition_of(tool.name, tool.description, tool.parameters));
    return all;
}

// What comes before content: the generation prompt as it is rendered, and thoughts where the model has them.
common_peg_parser beginning(common_chat_peg_builder& p, const common_chat_params& plan) {
    const std::string start = plan.thinking_end_tags.empty() ? "" : plan.thinking_start_tag;
    auto parser = p.prefix(plan.generation_prompt, start);
    if (plan.thinking_end_tags.empty()) return parser;
    const std::string& end = plan.thinking_end_tags.front();
    auto thoughts = p.reasoning(p.until(end)) + p.literal(end);
    if (!start.empty()) thoughts = p.literal(start) + thoughts;
    return parser + p.space() + p.optional(thoughts) + p.space();
}

void take(const common_peg_arena& parser, GrammarBegins begins, AnswerPlan& plan) {
    const bool lazy = begins == GrammarBegins::kWithTrigger;
    plan.begins = begins;
    plan.params.format = COMMON_CHAT_FORMAT_PEG_NATIVE;
    plan.params.parser = parser.save();
    plan.params.grammar =
        build_grammar([&](const common_grammar_builder& builder) { parser.build_grammar(builder, lazy); });
    plan.params.grammar_triggers = {{COMMON_GRAMMAR_TRIGGER_TYPE_WORD, kCallBegin}};
}

}  // namespace

ChatPrompt with_tools_as_text(const ChatPrompt& prompt) {
    ChatPrompt plain = prompt;
    plain.tools.clear();
    plain.messages.clear();
    bool after_result = false;
    for (const ChatMessage& message : prompt.messages) {
        if (message.role != Role::kTool) {
            plain.messages.push_back(without_calls(message));
        } else if (after_result) {  // results of one answer are one message: templates want roles to take
                                    // turns
            plain.messages.back().content += "\n" + result_text(message);
        } else {
            plain.messages.push_back({Role::kUser, result_text(message)});
        }
        after_result = message.role == Role::kTool;
    }
    if (prompt.tools.empty()) return plain;
    if (plain.messages.empty() || plain.messages.front().role != Role::kSystem) {
        plain.messages.insert(plain.messages.begin(), {Role::kSystem, instructions(prompt.tools)});
    } else {
        plain.messages.front().content += "\n\n" + instructions(prompt.tools);
    }
    return plain;
}

void plan_text_tools(const common_chat_templates_inputs& constrained, AnswerPlan& plan) {
    if (constrained.tools.empty() || constrained.tool_choice == COMMON_CHAT_TOOL_CHOICE_NONE) return;
    const bool required = constrained.tool_choice == COMMON_CHAT_TOOL_CHOICE_REQUIRED;
    const common_json tools = definitions(constrained.tools);
    const common_peg_arena parser = build_chat_peg_parser([&](common_chat_peg_builder& p) {
        auto calls = p.standard_json_tools(kCallBegin, kCallEnd, tools, false, true);
        if (constrained.parallel_tool_calls)
            calls = p.trigger_rule("tool-calls", calls + p.zero_or_more(p.space() + calls));
        if (required) return beginning(p, plan.params) + calls + p.space() + p.end();
        return beginning(p, plan.params) + p.content(p.until(kCallBegin)) + p.optional(calls + p.space()) +
               p.end();
    });
    take(parser, required ? GrammarBegins::kWithPrompt : GrammarBegins::kWithTrigger, plan);
}

void plan_json_answer(const std::string& json_schema, AnswerPlan& plan) {
    const common_json schema = common_json::parse(json_schema);
    const common_peg_arena parser = build_chat_peg_parser([&](common_chat_peg_builder& p) {
        return beginning(p, plan.params) + p.content(p.schema(p.json(), "answer-schema", schema)) +
               p.space() + p.end();
    });
    take(parser, GrammarBegins::kWithPrompt, plan);
}

}  // namespace kvasir
