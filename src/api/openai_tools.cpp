// Tools of OpenAI requests, and the form that they want of the answer.
#include <algorithm>

#include "api/json_text.h"
#include "api/openai_fields.h"
#include "api/request_fields.h"
#include "base/names.h"

namespace kvasir {

namespace json = boost::json;

namespace {

constexpr std::string_view kAnyObject = "{}";

// {"type":"function","function":{...}}: the inner object, when it is one.
std::optional<JsonFields> function_of(const JsonFields& tool) {
    const std::string type = tool.required_text("type");
    if (type != "function") {
        tool.refuse("unsupported_value", "type",
                    tool.path_of("type") +
                        " must be function: this server runs no tools of its own, so not " + printable(type));
        return std::nullopt;
    }
    const auto function = tool.object("function");
    if (!function) {
        tool.refuse("missing_required_parameter", "function",
                    tool.path_of("function") + " is required: an object");
        return std::nullopt;
    }
    return *function;
}

void read_tools(const JsonFields& body, std::vector<ToolDefinition>& tools) {
    const json::array* const list = body.array("tools");
    for (std::size_t i = 0; list != nullptr && i < list->size() && !body.reading().failed(); ++i) {
        const auto function = function_of(JsonFields((*list)[i], element_path("tools", i), body.reading()));
        if (!function) return;
        ToolDefinition tool;
        tool.name = function->required_text("name");
        tool.description = function->text("description").value_or(std::string());
        tool.parameters = read_schema(*function, "parameters", "");
        function->flag("strict");  // calls always follow the schema
        add_tool(tools, std::move(tool), *function);
    }
}

std::optional<ToolChoice> mode_of(std::string_view mode) {
    if (mode == "auto") return ToolChoice::kAuto;
    if (mode == "none") return ToolChoice::kNone;
    if (mode == "required") return ToolChoice::kRequired;
    return std::nullopt;
}

void keep_allowed(const std::vector<std::string>& allowed, ChatRequest& request, RequestReading& reading) {
    const auto is_allowed = [&](const std::string& name) {
        return std::find(allowed.begin(), allowed.end(), name) != allowed.end();
    };
    const auto removed =
        std::erase_if(request.tools, [&](const ToolDefinition& tool) { return !is_allowed(tool.name); });
    if (removed > 0) {
        reading.note("tool_choice.allowed_tools: " + std::to_string(removed) +
                     " tools are left out of the prompt, which changes its beginning");
    }
}

void read_allowed_tools(const JsonFields& choice, ChatRequest& request) {
    const auto nested = choice.object("allowed_tools");
    const JsonFields& fields = nested ? *nested : choice;
    const auto mode = mode_of(fields.required_text("mode"));
    if (!mode || *mode == ToolChoice::kNone) {
        fields.refuse("invalid_value", "mode", fields.path_of("mode") + " must be auto or required");
        return;
    }
    request.constraint.tool_choice = *mode;
    std::vector<std::string> allowed;
    const json::array& list = fields.required_array("tools");
    for (std::size_t i = 0; i < list.size(); ++i) {
        const JsonFields tool(list[i], element_path(fields.path_of("tools"), i), fields.reading());
        const auto function = function_of(tool);
        if (!function) return;
        allowed.push_back(function->required_text("name"));
        const AnswerConstraint named{ToolChoice::kRequired, allowed.back(), ParallelToolCalls::kYes, ""};
        check_tool_choice(named, request.tools, function->path_of("name"), fields.reading());
    }
    if (*mode == ToolChoice::kRequired && allowed.size() == 1) {
        request.constraint.tool_name = allowed.front();
    } else {
        keep_allowed(allowed, request, fields.reading());
    }
}

void read_tool_choice(const JsonFields& body, ChatRequest& request) {
    const json::value* const choice = body.find("tool_choice");
    if (choice == nullptr) return;
    if (choice->is_string()) {
        const auto mode = mode_of(body.text("tool_choice").value_or(std::string()));
        if (mode) request.constraint.tool_choice = *mode;
        if (!mode)
            body.refuse("invalid_value", "tool_choice",
                        "tool_choice must be auto, none, required or an object");
        return;
    }
    const JsonFields fields(*choice, "tool_choice", body.reading());
    if (fields.required_text("type") == "allowed_tools") {
        read_allowed_tools(fields, request);
    } else if (const auto function = function_of(fields)) {
        request.constraint.tool_choice = ToolChoice::kRequired;
        request.constraint.tool_name = function->required_text("name");
    }
}

}  // namespace

void read_openai_tools(const JsonFields& body, ChatRequest& request) {
    read_tools(body, request.tools);
    read_tool_choice(body, request);
    check_tool_choice(request.constraint, request.tools, "tool_choice", body.reading());
    if (!body.flag("parallel_tool_calls").value_or(true))
        request.constraint.parallel = ParallelToolCalls::kNo;
}

void read_response_format(const JsonFields& body, AnswerConstraint& constraint) {
    const auto format = body.object("response_format");
    if (!format) return;
    const std::string type = format->required_text("type");
    if (type == "text") return;
    if (type == "json_object") {
        constraint.json_schema = read_schema(*format, "schema", kAnyObject);
    } else if (type == "json_schema") {
        const auto schema = format->object("json_schema");
        if (!schema) {
            format->refuse("missing_required_parameter", "json_schema",
                           "response_format.json_schema is required: an object with name and schema");
            return;
        }
        schema->flag("strict");  // followed in any case
        constraint.json_schema = read_schema(*schema, "schema", kAnyObject);
    } else {
        format->refuse(
            "invalid_value", "type",
            "response_format.type must be text, json_object or json_schema, not " + printable(type));
    }
}

Thinking read_openai_thinking(const JsonFields& body) {
    if (const auto kwargs = body.object("chat_template_kwargs")) {
        for (const auto& field : kwargs->all()) {
            const std::string_view name(field.key().data(), field.key().size());
            if (name != "enable_thinking") {
                kwargs->refuse("unsupported_parameter", "enable_thinking",
                               "chat_template_kwargs may hold enable_thinking only, not " + printable(name));
            }
        }
        if (const auto enabled = kwargs->flag("enable_thinking"))
            return *enabled ? Thinking::kOn : Thinking::kOff;
    }
    if (const auto thinking = body.object("thinking")) return read_thinking(*thinking);
    const auto effort = body.text("reasoning_effort");
    if (!effort) return Thinking::kDefault;
    for (const std::string_view known : {"minimal", "low", "medium", "high", "xhigh", "max"}) {
        if (*effort == known) return Thinking::kOn;
    }
    if (*effort != "none") {
        body.refuse("invalid_value", "reasoning_effort",
                    "reasoning_effort must be none, minimal, low, medium, high, xhigh or max, not " +
                        printable(*effort));
    }
    return Thinking::kOff;
}

UsageChunk read_usage_chunk(const JsonFields& body) {
    const auto options = body.object("stream_options");
    if (!options) return UsageChunk::kNo;
    return options->flag("include_usage").value_or(false) ? UsageChunk::kYes : UsageChunk::kNo;
}

}  // namespace kvasir
