// Tools of the Responses protocol: flat, and mixed with tools that only the protocol's own servers run.
#include <algorithm>

#include "api/json_text.h"
#include "api/openai_fields.h"
#include "api/request_fields.h"
#include "base/names.h"

namespace kvasir {

namespace json = boost::json;

namespace {

void read_tools(const JsonFields& body, std::vector<ToolDefinition>& tools) {
    const json::array* const list = body.array("tools");
    for (std::size_t i = 0; list != nullptr && i < list->size() && !body.reading().failed(); ++i) {
        const JsonFields fields((*list)[i], element_path("tools", i), body.reading());
        const std::string type = fields.required_text("type");
        if (type != "function") {
            // Coding agents always send some of these, and live without them.
            body.reading().note(fields.path() + " (" + printable(type) +
                                ") is not offered to the model: this server runs no tools of its own");
            continue;
        }
        ToolDefinition tool;
        tool.name = fields.required_text("name");
        tool.description = fields.text("description").value_or(std::string());
        tool.parameters = read_schema(fields, "parameters", "");
        fields.flag("strict");  // calls always follow the schema
        add_tool(tools, std::move(tool), fields);
    }
}

void read_allowed(const JsonFields& choice, ChatRequest& request) {
    const std::string mode = choice.required_text("mode");
    if (mode != "auto" && mode != "required") {
        choice.refuse("invalid_value", "mode", "tool_choice.mode must be auto or required");
        return;
    }
    std::vector<std::string> allowed;
    const json::array& list = choice.required_array("tools");
    for (std::size_t i = 0; i < list.size(); ++i) {
        const JsonFields tool(list[i], element_path(choice.path_of("tools"), i), choice.reading());
        if (tool.text("type").value_or("function") == "function")
            allowed.push_back(tool.required_text("name"));
    }
    if (mode == "required") request.constraint.tool_choice = ToolChoice::kRequired;
    if (mode == "required" && allowed.size() == 1) {
        request.constraint.tool_name = allowed.front();
        return;
    }
    const auto removed = std::erase_if(request.tools, [&](const ToolDefinition& tool) {
        return std::find(allowed.begin(), allowed.end(), tool.name) == allowed.end();
    });
    if (removed > 0)
        choice.reading().note("tool_choice.allowed_tools: " + std::to_string(removed) +
                              " tools are left out of the prompt, which changes its beginning");
}

void read_choice(const JsonFields& body, ChatRequest& request) {
    const json::value* const choice = body.find("tool_choice");
    if (choice == nullptr) return;
    if (choice->is_string()) {
        const std::string mode = body.text("tool_choice").value_or("");
        if (mode == "none") request.constraint.tool_choice = ToolChoice::kNone;
        if (mode == "required") request.constraint.tool_choice = ToolChoice::kRequired;
        if (mode != "auto" && mode != "none" && mode != "required")
            body.refuse("invalid_value", "tool_choice",
                        "tool_choice must be auto, none, required or an object");
        return;
    }
    const JsonFields fields(*choice, "tool_choice", body.reading());
    const std::string type = fields.required_text("type");
    if (type == "allowed_tools") return read_allowed(fields, request);
    if (type == "function") {
        request.constraint.tool_choice = ToolChoice::kRequired;
        request.constraint.tool_name = fields.required_text("name");
    } else {
        fields.refuse("unsupported_value", "type",
                      "tool_choice.type must be function or allowed_tools: this server runs no tools of its "
                      "own, so not " +
                          printable(type));
    }
}

}  // namespace

void read_openai_response_tools(const JsonFields& body, ChatRequest& request) {
    read_tools(body, request.tools);
    read_choice(body, request);
    check_tool_choice(request.constraint, request.tools, "tool_choice", body.reading());
    if (!body.flag("parallel_tool_calls").value_or(true))
        request.constraint.parallel = ParallelToolCalls::kNo;
}

}  // namespace kvasir
