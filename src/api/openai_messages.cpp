// Messages of OpenAI requests.
#include "api/api_limits.h"
#include "api/json_text.h"
#include "api/openai_fields.h"
#include "api/request_fields.h"
#include "base/names.h"

namespace kvasir {

namespace json = boost::json;

namespace {

std::optional<Role> role_of(const JsonFields& message) {
    const std::string role = message.required_text("role");
    if (role == "system" || role == "developer") return Role::kSystem;
    if (role == "user") return Role::kUser;
    if (role == "assistant") return Role::kAssistant;
    if (role == "tool") return Role::kTool;
    if (role == "function") {
        message.refuse("unsupported_value", "role",
                       message.path_of("role") +
                           " function is the deprecated form: use the role tool with a tool_call_id");
    } else {
        message.refuse("invalid_value", "role",
                       message.path_of("role") + " must be system, developer, user, assistant or tool, not " +
                           printable(role));
    }
    return std::nullopt;
}

std::string part_text(const JsonFields& part) {
    const std::string type = part.required_text("type");
    if (type == "text") return part.required_text("text");
    if (type == "refusal") return part.required_text("refusal");
    part.refuse(
        "unsupported_value", "type",
        part.path_of("type") + " " + printable(type) + " is not supported: this server reads text only");
    return {};
}

// What a model wrote is put together as it was; what people gave in parts gets a line for each.
std::string joined_parts(const json::array& parts, const std::string& path, Role role,
                         RequestReading& reading) {
    std::string text;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (i > 0 && role != Role::kAssistant) text += '\n';
        text += part_text(JsonFields(parts[i], element_path(path, i), reading));
    }
    return text;
}

std::string content_of(const JsonFields& message, Role role) {
    const json::value* const content = message.find("content");
    const std::string path = message.path_of("content");
    if (content == nullptr) {
        if (role != Role::kAssistant) {
            message.refuse("missing_required_parameter", "content",
                           path + " is required: a string or an array of parts");
        }
        return message.text("refusal").value_or(std::string());
    }
    if (content->is_array()) return joined_parts(content->get_array(), path, role, message.reading());
    if (!content->is_string())
        refuse_type(message.reading(), path, "a string or an array of parts", *content);
    return message.text("content").value_or(std::string());
}

std::string arguments_of(const JsonFields& function) {
    const json::value* const arguments = function.find("arguments");
    if (arguments != nullptr && arguments->is_object()) return to_json_text(*arguments);
    return function.text("arguments").value_or(std::string());
}

ToolCall read_call(const JsonFields& call) {
    const std::string type = call.text("type").value_or("function");
    if (type != "function") {
        call.refuse("unsupported_value", "type",
                    call.path_of("type") + " must be function, not " + printable(type));
    }
    ToolCall out;
    out.id = call.required_text("id");
    const auto function = call.object("function");
    if (!function) {
        call.refuse("missing_required_parameter", "function",
                    call.path_of("function") + " is required: an object");
        return out;
    }
    out.name = function->required_text("name");
    out.arguments = arguments_of(*function);
    return out;
}

void read_assistant(const JsonFields& fields, ChatMessage& message) {
    fields.refuse_if_given("function_call", "the deprecated form: use tool_calls");
    fields.refuse_if_given("audio", "this server has no audio");
    if (const json::value* const reasoning = fields.find("reasoning_content")) {
        if (!reasoning->is_string())
            refuse_type(fields.reading(), fields.path_of("reasoning_content"), "a string", *reasoning);
        message.reasoning = fields.text("reasoning_content").value_or(std::string());
    } else if (const json::value* const other = fields.find("reasoning");
               other != nullptr && other->is_string()) {
        message.reasoning = fields.text("reasoning").value_or(std::string());
    }
    const json::array* const calls = fields.array("tool_calls");
    for (std::size_t i = 0; calls != nullptr && i < calls->size(); ++i) {
        message.tool_calls.push_back(read_call(
            JsonFields((*calls)[i], element_path(fields.path_of("tool_calls"), i), fields.reading())));
    }
}

void read_message(const JsonFields& fields, std::vector<ChatMessage>& messages) {
    const std::optional<Role> role = role_of(fields);
    if (!role) return;
    ChatMessage message;
    message.role = *role;
    message.content = content_of(fields, *role);
    message.name = fields.text("name").value_or(std::string());
    if (*role == Role::kAssistant) read_assistant(fields, message);
    if (*role == Role::kTool) message.tool_call_id = fields.required_text("tool_call_id");
    if (*role == Role::kSystem) {
        add_system_text(messages, std::move(message), fields.path_of("content"), fields.reading());
    } else {
        messages.push_back(std::move(message));
    }
}

}  // namespace

std::vector<ChatMessage> read_openai_messages(const JsonFields& body) {
    std::vector<ChatMessage> messages;
    const json::array& list = body.required_array("messages");
    for (std::size_t i = 0; i < list.size() && !body.reading().failed(); ++i) {
        read_message(JsonFields(list[i], element_path("messages", i), body.reading()), messages);
    }
    if (messages.empty()) body.refuse("invalid_value", "messages", "messages must have at least one message");
    name_tool_results(messages);
    return messages;
}

}  // namespace kvasir
