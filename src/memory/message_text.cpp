#include "memory/message_text.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <exception>
#include <optional>

#include <boost/json.hpp>

namespace kvasir {

namespace {

namespace json = boost::json;

constexpr std::size_t kJsonDepthMax = 64;

json::object to_json(const ToolCall& call) {
    return {{"id", call.id}, {"name", call.name}, {"arguments", call.arguments}};
}

json::object to_json(const ChatMessage& message) {
    json::object object{{"role", to_string(message.role)}, {"content", message.content}};
    if (!message.reasoning.empty()) object["reasoning"] = message.reasoning;
    if (!message.tool_call_id.empty()) object["tool_call_id"] = message.tool_call_id;
    if (!message.name.empty()) object["name"] = message.name;
    if (!message.tool_calls.empty()) {
        json::array calls;
        for (const ToolCall& call : message.tool_calls) calls.push_back(to_json(call));
        object["tool_calls"] = std::move(calls);
    }
    return object;
}

std::string text_in(const json::object& object, const char* key) {
    const json::value* value = object.if_contains(key);
    return value == nullptr ? std::string() : std::string(value->as_string());
}

std::optional<Role> role_of(std::string_view name) {
    for (const Role role : {Role::kSystem, Role::kUser, Role::kAssistant, Role::kTool}) {
        if (name == to_string(role)) return role;
    }
    return std::nullopt;
}

ChatMessage message_of(const json::object& object) {
    ChatMessage message;
    message.role = role_of(text_in(object, "role")).value();
    message.content = text_in(object, "content");
    message.reasoning = text_in(object, "reasoning");
    message.tool_call_id = text_in(object, "tool_call_id");
    message.name = text_in(object, "name");
    if (const json::value* calls = object.if_contains("tool_calls")) {
        for (const json::value& call : calls->as_array()) {
            const json::object& fields = call.as_object();
            message.tool_calls.push_back(
                {text_in(fields, "id"), text_in(fields, "name"), text_in(fields, "arguments")});
        }
    }
    return message;
}

TurnMessages parse(std::string_view text) {
    json::parse_options options;
    options.max_depth = kJsonDepthMax;
    const json::value parsed = json::parse(text, {}, options);
    const json::object& root = parsed.as_object();
    TurnMessages result;
    for (const json::value& message : root.at("messages").as_array())
        result.messages.push_back(message_of(message.as_object()));
    if (const json::value* tools = root.if_contains("tools")) {
        for (const json::value& tool : tools->as_array()) {
            const json::object& fields = tool.as_object();
            result.tools.push_back(
                {text_in(fields, "name"), text_in(fields, "description"), text_in(fields, "parameters")});
        }
    }
    return result;
}

json::value sorted(const json::value& value) {
    if (const json::array* array = value.if_array()) {
        json::array copy;
        for (const json::value& item : *array) copy.push_back(sorted(item));
        return copy;
    }
    if (const double* number = value.if_double()) {
        constexpr double kExactMost = 9007199254740992.0;  // 2^53
        const bool is_whole = std::abs(*number) <= kExactMost && std::floor(*number) == *number;
        return is_whole ? json::value(static_cast<std::int64_t>(*number)) : value;
    }
    const json::object* object = value.if_object();
    if (object == nullptr) return value;
    std::vector<std::string> keys;
    for (const auto& item : *object) keys.emplace_back(item.key());
    std::sort(keys.begin(), keys.end());
    json::object copy;
    for (const std::string& key : keys) copy[key] = sorted(object->at(key));
    return copy;
}

}  // namespace

std::string canonical_json(const std::string& text) {
    json::parse_options options;
    options.max_depth = kJsonDepthMax;
    boost::system::error_code error;
    const json::value parsed = json::parse(text, error, {}, options);
    return error ? text : json::serialize(sorted(parsed));
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kSpace = " \t\r\n";
    const std::size_t begin = text.find_first_not_of(kSpace);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::string encode_list(std::span<const ChatMessage> messages) {
    json::array array;
    for (const ChatMessage& message : messages) array.push_back(to_json(message));
    return json::serialize(array);
}

std::string encode(const TurnMessages& messages) {
    json::array array;
    for (const ChatMessage& message : messages.messages) array.push_back(to_json(message));
    json::object root{{"messages", std::move(array)}};
    if (!messages.tools.empty()) {
        json::array tools;
        for (const ToolDefinition& tool : messages.tools) {
            tools.push_back(
                {{"name", tool.name}, {"description", tool.description}, {"parameters", tool.parameters}});
        }
        root["tools"] = std::move(tools);
    }
    return json::serialize(root);
}

Result<TurnMessages> decode_messages(std::string_view text) {
    if (text.empty()) return TurnMessages{};
    try {
        return parse(text);
    } catch (const std::exception& error) {
        return fail(
            ErrorCode::kStoreUnusable,
            std::string("the catalog is damaged: the messages of a turn cannot be read: ") + error.what());
    }
}

ConversationKey::ConversationKey(std::span<const ToolDefinition> tools) {
    Sha256 hash("kvasir.conversation.v1");
    for (const ToolDefinition& tool : tools) {
        hash.field("tool", tool.name).field("description", tool.description);
        hash.field("parameters", canonical_json(tool.parameters));
    }
    value_ = hash.finish();
}

void ConversationKey::add(const ChatMessage& message) {
    Sha256 hash("kvasir.conversation.message.v1");
    hash.field("before", value_).field("role", to_string(message.role));
    hash.field("content", message.role == Role::kAssistant ? trimmed(message.content) : message.content);
    hash.field("name", message.name).field("call", call_number(message.tool_call_id));
    for (const ToolCall& call : message.tool_calls) {
        calls_[call.id] = ++call_count_;
        hash.field("id", call_number(call.id));
        hash.field("tool", call.name).field("arguments", canonical_json(call.arguments));
    }
    value_ = hash.finish();
}

const ChatMessage* last_user_message(const std::vector<ChatMessage>& messages) {
    const auto found = std::find_if(messages.rbegin(), messages.rend(),
                                    [](const ChatMessage& message) { return message.role == Role::kUser; });
    return found == messages.rend() ? nullptr : &*found;
}

// Ids are names that clients may change; which call a result answers is what counts.
std::string ConversationKey::call_number(const std::string& id) const {
    const auto found = calls_.find(id);
    return found == calls_.end() ? id : "#" + std::to_string(found->second);
}

}  // namespace kvasir
