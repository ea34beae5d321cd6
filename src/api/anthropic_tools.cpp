// Tools of Anthropic requests, and the form that they want of the answer.
#include "api/anthropic_fields.h"
#include "api/request_fields.h"
#include "base/names.h"

namespace kvasir {

namespace json = boost::json;

namespace {

void read_tool(const JsonFields& fields, std::vector<ToolDefinition>& tools) {
    const std::string type = fields.text("type").value_or("custom");
    if (type != "custom") {
        fields.refuse(
            "unsupported_value", "type",
            fields.path_of("type") + " " + printable(type) +
                " is not supported: this server runs no tools of its own; define it with an input_schema");
        return;
    }
    ToolDefinition tool;
    tool.name = fields.required_text("name");
    tool.description = fields.text("description").value_or(std::string());
    tool.parameters = read_schema(fields, "input_schema", "");
    add_tool(tools, std::move(tool), fields);
}

void read_tool_choice(const JsonFields& choice, AnswerConstraint& constraint) {
    const std::string type = choice.required_text("type");
    if (choice.flag("disable_parallel_tool_use").value_or(false))
        constraint.parallel = ParallelToolCalls::kNo;
    if (type == "none") {
        constraint.tool_choice = ToolChoice::kNone;
    } else if (type == "any") {
        constraint.tool_choice = ToolChoice::kRequired;
    } else if (type == "tool") {
        constraint.tool_choice = ToolChoice::kRequired;
        constraint.tool_name = choice.required_text("name");
    } else if (type != "auto") {
        choice.refuse("invalid_value", "type",
                      choice.path_of("type") + " must be auto, any, tool or none, not " + printable(type));
    }
}

void read_format(const JsonFields& format, AnswerConstraint& constraint) {
    const std::string type = format.required_text("type");
    if (type != "json_schema") {
        format.refuse("invalid_value", "type",
                      format.path_of("type") + " must be json_schema, not " + printable(type));
    }
    if (format.find("schema") == nullptr) {
        format.refuse("missing_required_parameter", "schema",
                      format.path_of("schema") + " is required: an object");
    }
    constraint.json_schema = read_schema(format, "schema", "{}");
}

}  // namespace

void read_anthropic_tools(const JsonFields& body, ChatRequest& request) {
    const json::array* const list = body.array("tools");
    for (std::size_t i = 0; list != nullptr && i < list->size() && !body.reading().failed(); ++i) {
        read_tool(JsonFields((*list)[i], element_path("tools", i), body.reading()), request.tools);
    }
    if (const auto choice = body.object("tool_choice")) read_tool_choice(*choice, request.constraint);
    check_tool_choice(request.constraint, request.tools, "tool_choice", body.reading());
    if (const auto output = body.object("output_config")) {
        output->note_if_given("effort");
        if (const auto format = output->object("format")) read_format(*format, request.constraint);
    }
    if (const auto format = body.object("output_format"))
        read_format(*format, request.constraint);  // its older name
}

}  // namespace kvasir
