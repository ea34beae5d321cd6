// Messages of Anthropic requests: blocks become the neutral messages that chat templates know.
#include "api/anthropic_fields.h"
#include "api/json_text.h"
#include "api/request_fields.h"
#include "base/names.h"

namespace kvasir {

namespace json = boost::json;

namespace {

void refuse_block(const JsonFields& block, std::string_view type) {
    block.refuse("unsupported_value", "type",
                 block.path_of("type") + " " + printable(type) +
                     " is not supported here: this server reads text only");
}

// Text of a string or of text blocks; `field` may be absent. Blocks get a line each.
std::string text_of(const JsonFields& owner, std::string_view field) {
    const json::value* const content = owner.find(field);
    if (content == nullptr) return {};
    const std::string path = owner.path_of(field);
    if (content->is_string()) return owner.text(field).value_or(std::string());
    if (!content->is_array()) {
        refuse_type(owner.reading(), path, "a string or an array of blocks", *content);
        return {};
    }
    std::string text;
    const json::array& blocks = content->get_array();
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        const JsonFields block(blocks[i], element_path(path, i), owner.reading());
        const std::string type = block.required_text("type");
        if (type != "text") refuse_block(block, type);
        if (i > 0) text += '\n';
        text += block.required_text("text");
    }
    return text;
}

// Blocks of system text, each without the volatile lines; one that held nothing else leaves no empty line
// behind.
void add_system(const JsonFields& owner, std::string_view field, std::vector<ChatMessage>& messages) {
    const json::value* const content = owner.find(field);
    if (content == nullptr) return;
    const std::string path = owner.path_of(field);
    ChatMessage message;
    message.role = Role::kSystem;
    if (!content->is_array()) {
        message.content = text_of(owner, field);
        if (message.content.empty()) return;
        add_system_text(messages, std::move(message), path, owner.reading());
        return;
    }
    std::vector<ChatMessage> parts;
    const json::array& blocks = content->get_array();
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        const JsonFields block(blocks[i], element_path(path, i), owner.reading());
        const std::string type = block.required_text("type");
        if (type != "text") refuse_block(block, type);
        message.content = block.required_text("text");
        add_system_text(parts, message, block.path(), owner.reading());
    }
    if (parts.empty()) return;
    message.content.clear();
    for (const ChatMessage& part : parts) {
        if (&part != &parts.front()) message.content += '\n';
        message.content += part.content;
    }
    messages.push_back(std::move(message));
}

ChatMessage tool_result(const JsonFields& block) {
    ChatMessage message;
    message.role = Role::kTool;
    message.tool_call_id = block.required_text("tool_use_id");
    message.content = text_of(block, "content");
    if (block.flag("is_error").value_or(false)) {
        block.reading().note(block.path_of("is_error") +
                             " has no effect here: the model sees the text of the result");
    }
    return message;
}

// Text around tool results keeps its place.
void add_user(const JsonFields& fields, const json::array& blocks, std::vector<ChatMessage>& messages) {
    const std::string path = fields.path_of("content");
    if (blocks.empty()) fields.refuse("invalid_value", "content", path + " must have at least one block");
    std::optional<std::string> text;
    const auto flush = [&] {
        if (!text) return;
        ChatMessage message;
        message.content = std::move(*text);
        messages.push_back(std::move(message));
        text.reset();
    };
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        const JsonFields block(blocks[i], element_path(path, i), fields.reading());
        const std::string type = block.required_text("type");
        if (type == "text") {
            text = (text ? *text + '\n' : std::string()) + block.required_text("text");
        } else if (type == "tool_result") {
            flush();
            messages.push_back(tool_result(block));
        } else {
            refuse_block(block, type);
        }
    }
    flush();
}

void add_assistant_block(const JsonFields& block, ChatMessage& message) {
    const std::string type = block.required_text("type");
    if (type == "text") {
        message.content += block.required_text("text");
    } else if (type == "thinking") {
        message.reasoning += block.required_text("thinking");
    } else if (type == "redacted_thinking") {
        block.reading().note(block.path() + ": thinking that another server encrypted is left out");
    } else if (type == "tool_use") {
        ToolCall call{block.required_text("id"), block.required_text("name"),
                      read_schema(block, "input", "{}")};
        message.tool_calls.push_back(std::move(call));
    } else {
        refuse_block(block, type);
    }
}

void add_assistant(const JsonFields& fields, const json::array& blocks, std::vector<ChatMessage>& messages) {
    ChatMessage message;
    message.role = Role::kAssistant;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        add_assistant_block(
            JsonFields(blocks[i], element_path(fields.path_of("content"), i), fields.reading()), message);
    }
    messages.push_back(std::move(message));
}

void add_message(const JsonFields& fields, std::vector<ChatMessage>& messages) {
    const std::string role = fields.required_text("role");
    const json::value* const content = fields.find("content");
    if (content == nullptr) {
        fields.refuse("missing_required_parameter", "content",
                      fields.path_of("content") + " is required: a string or an array of blocks");
        return;
    }
    if (role == "system") {
        add_system(fields, "content", messages);
    } else if (role != "user" && role != "assistant") {
        fields.refuse("invalid_value", "role",
                      fields.path_of("role") + " must be user, assistant or system, not " + printable(role));
    } else if (content->is_array() && role == "user") {
        add_user(fields, content->get_array(), messages);
    } else if (content->is_array()) {
        add_assistant(fields, content->get_array(), messages);
    } else {
        ChatMessage message;
        message.role = role == "user" ? Role::kUser : Role::kAssistant;
        message.content = text_of(fields, "content");
        messages.push_back(std::move(message));
    }
}

}  // namespace

std::vector<ChatMessage> read_anthropic_messages(const JsonFields& body) {
    std::vector<ChatMessage> messages;
    add_system(body, "system", messages);
    const json::array& list = body.required_array("messages");
    if (list.empty()) body.refuse("invalid_value", "messages", "messages must have at least one message");
    for (std::size_t i = 0; i < list.size() && !body.reading().failed(); ++i) {
        add_message(JsonFields(list[i], element_path("messages", i), body.reading()), messages);
    }
    name_tool_results(messages);
    return messages;
}

}  // namespace kvasir
