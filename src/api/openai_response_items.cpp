// Items of the Responses protocol as messages.
#include <algorithm>
#include <iterator>

#include "api/json_fields.h"
#include "api/json_text.h"
#include "api/openai_responses.h"
#include "api/request_fields.h"
#include "base/names.h"

namespace kvasir {

namespace json = boost::json;

namespace {

// Records of tools that other servers ran; a client that changes servers still sends them.
constexpr std::string_view kForeignItems[] = {"web_search_call",
                                              "file_search_call",
                                              "computer_call",
                                              "computer_call_output",
                                              "code_interpreter_call",
                                              "image_generation_call",
                                              "mcp_call",
                                              "mcp_list_tools",
                                              "mcp_approval_request",
                                              "mcp_approval_response",
                                              "compaction",
                                              "local_shell_call",
                                              "local_shell_call_output",
                                              "shell_call",
                                              "shell_call_output"};

bool is_foreign(std::string_view type) {
    return std::find(std::begin(kForeignItems), std::end(kForeignItems), type) != std::end(kForeignItems);
}

std::string part_text(const JsonFields& part) {
    const std::string type = part.required_text("type");
    if (type == "refusal") return part.required_text("refusal");
    for (const std::string_view known :
         {"input_text", "output_text", "text", "reasoning_text", "summary_text"}) {
        if (type == known) return part.required_text("text");
    }
    part.refuse("unsupported_value", "type",
                part.path_of("type") + " " + printable(type) +
                    " is not supported: this server reads text only (input_text, output_text)");
    return {};
}

std::string text_of(const JsonFields& item, std::string_view name, Role role) {
    const json::value* const content = item.find(name);
    if (content == nullptr) return {};
    if (content->is_string()) return item.text(name).value_or("");
    const std::string path = item.path_of(name);
    if (!content->is_array()) {
        refuse_type(item.reading(), path, "a string or an array of parts", *content);
        return {};
    }
    std::string text;
    const json::array& parts = content->get_array();
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (i > 0 && role != Role::kAssistant) text += '\n';
        text += part_text(JsonFields(parts[i], element_path(path, i), item.reading()));
    }
    return text;
}

std::optional<Role> role_of(const JsonFields& item) {
    const std::string role = item.required_text("role");
    if (role == "system" || role == "developer") return Role::kSystem;
    if (role == "user") return Role::kUser;
    if (role == "assistant") return Role::kAssistant;
    item.refuse(
        "invalid_value", "role",
        item.path_of("role") + " must be system, developer, user or assistant, not " + printable(role));
    return std::nullopt;
}

std::string reasoning_of(const JsonFields& item) {
    std::string text = text_of(item, "content", Role::kAssistant);
    if (!text.empty()) return text;
    const std::string sealed = item.text("encrypted_content").value_or("");
    return sealed.starts_with(kReasoningMark) ? sealed.substr(kReasoningMark.size()) : std::string();
}

class ItemReader {
  public:
    explicit ItemReader(std::vector<ChatMessage>& messages) : messages_(messages) {}

    void read(const JsonFields& item) {
        const std::string type = item.text("type").value_or("message");
        if (type == "message") return read_message(item);
        if (type == "function_call" || type == "custom_tool_call") return read_call(item, type);
        if (type == "function_call_output" || type == "custom_tool_call_output") return read_result(item);
        if (type == "reasoning") return read_reasoning(item);
        if (type == "item_reference") return;
        if (is_foreign(type))
            return item.reading().note(item.path() + " (" + type + ") is left out: no tool of ours");
        item.refuse("unsupported_value", "type",
                    item.path_of("type") + " " + printable(type) +
                        " is not supported: message, function_call, function_call_output and reasoning are");
    }
    void close() { answer_open_ = false; }

  private:
    // The answer that parts belong to; a new one when the open one has such parts already.
    ChatMessage& answer(bool needs_new) {
        if (!answer_open_ || needs_new) {
            messages_.emplace_back();
            messages_.back().role = Role::kAssistant;
            answer_open_ = true;
            has_text_ = false;
        }
        return messages_.back();
    }
    bool has_calls() const { return answer_open_ && !messages_.back().tool_calls.empty(); }

    void read_message(const JsonFields& item) {
        const std::optional<Role> role = role_of(item);
        if (!role) return;
        if (*role == Role::kAssistant) {
            ChatMessage& message = answer(has_calls() || (answer_open_ && has_text_));
            message.content = text_of(item, "content", *role);
            has_text_ = true;
            return;
        }
        close();
        if (item.find("content") == nullptr) {
            item.refuse("missing_required_parameter", "content",
                        item.path_of("content") + " is required: a string or an array of parts");
        }
        ChatMessage message;
        message.role = *role;
        message.content = text_of(item, "content", *role);
        if (*role == Role::kSystem)
            add_system_text(messages_, std::move(message), item.path_of("content"), item.reading());
        else
            messages_.push_back(std::move(message));
    }

    void read_reasoning(const JsonFields& item) {
        std::string text = reasoning_of(item);
        if (text.empty()) return;
        answer(has_calls() || (answer_open_ && has_text_)).reasoning += text;
    }

    void read_call(const JsonFields& item, std::string_view type) {
        ToolCall call;
        call.id = item.required_text("call_id");
        call.name = item.required_text("name");
        call.arguments = type == "function_call"
                             ? item.text("arguments").value_or("")
                             : to_json_text(json::object{{"input", item.text("input").value_or("")}});
        answer(false).tool_calls.push_back(std::move(call));
    }

    void read_result(const JsonFields& item) {
        close();
        ChatMessage message;
        message.role = Role::kTool;
        message.tool_call_id = item.required_text("call_id");
        if (item.find("output") == nullptr) {
            item.refuse("missing_required_parameter", "output",
                        item.path_of("output") + " is required: a string or an array of parts");
        }
        message.content = text_of(item, "output", Role::kTool);
        messages_.push_back(std::move(message));
    }

    std::vector<ChatMessage>& messages_;
    bool answer_open_ = false;
    bool has_text_ = false;
};

std::string_view id_prefix(std::string_view type) {
    if (type == "function_call") return "fc_";
    if (type == "function_call_output") return "fco_";
    if (type == "reasoning") return "rs_";
    return type == "message" ? "msg_" : "item_";
}

}  // namespace

ApiResult<ItemMessages> messages_of_items(const json::array& items, std::string_view path) {
    RequestReading reading;
    ItemMessages out;
    ItemReader reader(out.messages);
    for (std::size_t i = 0; i < items.size() && !reading.failed(); ++i)
        reader.read(JsonFields(items[i], element_path(path, i), reading));
    if (reading.failed()) return fail(*reading.error());
    name_tool_results(out.messages);
    out.notes = std::move(reading.notes());
    return out;
}

ApiResult<json::array> with_ids(const json::array& items, std::string_view path, std::string_view seed) {
    RequestReading reading;
    json::array out;
    for (std::size_t i = 0; i < items.size() && !reading.failed(); ++i) {
        const JsonFields fields(items[i], element_path(path, i), reading);
        const std::string id = fields.text("id").value_or("");
        const bool is_bare_id = !id.empty() && fields.find("role") == nullptr;
        const std::string type = fields.text("type").value_or(is_bare_id ? "item_reference" : "message");
        if (reading.failed()) break;
        json::object item{{"id", id}, {"type", type}};
        if (id.empty()) {
            std::string made(id_prefix(type));
            item["id"] = made.append(seed).append("i").append(std::to_string(i));
        }
        for (const auto& field : fields.all()) {
            if (field.key() != "id" && field.key() != "type") item[field.key()] = field.value();
        }
        if (type == "message" && item.contains("content") && item.at("content").is_string()) {
            const bool answer = fields.text("role").value_or("") == "assistant";
            json::object part{{"type", answer ? "output_text" : "input_text"}, {"text", item.at("content")}};
            if (answer) part["annotations"] = json::array();
            item["content"] = json::array{std::move(part)};
        }
        if (type != "item_reference" && !item.contains("status")) item["status"] = "completed";
        out.push_back(std::move(item));
    }
    if (reading.failed()) return fail(*reading.error());
    return out;
}

}  // namespace kvasir
