#include "api/request_fields.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>

#include "api/api_limits.h"
#include "api/json_text.h"
#include "api/system_text.h"
#include "base/names.h"

namespace kvasir {

namespace json = boost::json;

namespace {

constexpr NumberRange kShare{0, 1};
constexpr NumberRange kPenalty{-2, 2};
constexpr NumberRange kRepeatPenalty{0.01, 10};
constexpr IntegerRange kTopK{-1, 1'000'000};
constexpr IntegerRange kAnyInteger{std::numeric_limits<std::int64_t>::min(),
                                   std::numeric_limits<std::int64_t>::max()};
constexpr NumberRange kBias{-100, 100};

std::optional<float> as_float(std::optional<double> number) {
    if (!number) return std::nullopt;
    return static_cast<float>(*number);
}

void read_logit_bias(const JsonFields& biases, SamplingWishes& wishes) {
    if (biases.all().size() > kLogitBiasesMax) {
        biases.reading().refuse(
            "invalid_value", biases.path(),
            biases.path() + " may have " + std::to_string(kLogitBiasesMax) + " tokens at most");
        return;
    }
    for (const auto& field : biases.all()) {
        const std::string_view key(field.key().data(), field.key().size());
        Token token = 0;
        const auto parsed = std::from_chars(key.data(), key.data() + key.size(), token);
        if (parsed.ec != std::errc() || parsed.ptr != key.data() + key.size() || token < 0) {
            biases.reading().refuse("invalid_value", biases.path(),
                                    biases.path() + " has token ids as keys, not " + printable(key));
            return;
        }
        const auto bias = as_float(biases.number(key, kBias));
        if (bias) wishes.logit_bias.emplace_back(token, *bias);
    }
    std::sort(wishes.logit_bias.begin(), wishes.logit_bias.end());
}

bool is_tool_name(std::string_view name) {
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
               c == '-' || c == '.' || c == ':' || c == '/';
    };
    return !name.empty() && name.size() <= kToolNameBytesMax &&
           std::all_of(name.begin(), name.end(), allowed);
}

bool has_tool(const std::vector<ToolDefinition>& tools, std::string_view name) {
    return std::any_of(tools.begin(), tools.end(),
                       [&](const ToolDefinition& tool) { return tool.name == name; });
}

void add_stop(std::vector<std::string>& stops, const json::value& value, const std::string& path,
              RequestReading& reading) {
    const json::string* const stop = value.if_string();
    if (stop == nullptr) {
        refuse_type(reading, path, "a string", value);
    } else if (stop->empty() || stop->size() > kStopBytesMax) {
        reading.refuse("invalid_value", path,
                       path + " must have 1 to " + std::to_string(kStopBytesMax) + " bytes");
    } else {
        stops.emplace_back(stop->data(), stop->size());
    }
}

}  // namespace

SamplingWishes read_sampling(const JsonFields& body, NumberRange temperature) {
    SamplingWishes wishes;
    wishes.temperature = as_float(body.number("temperature", temperature));
    wishes.top_p = as_float(body.number("top_p", kShare));
    wishes.min_p = as_float(body.number("min_p", kShare));
    if (const auto top_k = body.integer("top_k", kTopK)) wishes.top_k = static_cast<std::int32_t>(*top_k);
    wishes.repeat_penalty = as_float(body.number("repeat_penalty", kRepeatPenalty));
    if (!wishes.repeat_penalty)
        wishes.repeat_penalty = as_float(body.number("repetition_penalty", kRepeatPenalty));
    return wishes;
}

void read_openai_sampling(const JsonFields& body, SamplingWishes& wishes) {
    wishes.presence_penalty = as_float(body.number("presence_penalty", kPenalty));
    wishes.frequency_penalty = as_float(body.number("frequency_penalty", kPenalty));
    if (const auto seed = body.integer("seed", kAnyInteger)) {
        // Folded to 32 bits; a seed that has no more stays what it is.
        const auto bits = static_cast<std::uint64_t>(*seed);
        wishes.seed = static_cast<std::uint32_t>((bits ^ (bits >> 32U)) & 0xFFFFFFFFU);
    }
    if (const auto biases = body.object("logit_bias")) read_logit_bias(*biases, wishes);
}

StreamMode read_stream_mode(const JsonFields& body) {
    return body.flag("stream").value_or(false) ? StreamMode::kStream : StreamMode::kWhole;
}

Thinking read_thinking(const JsonFields& thinking) {
    const std::string type = thinking.required_text("type");
    if (type == "enabled") return Thinking::kOn;
    if (type == "disabled") return Thinking::kOff;
    if (type == "adaptive" || type == "auto" || type == "between_tools") return Thinking::kDefault;
    thinking.refuse(
        "invalid_value", "type",
        thinking.path_of("type") + " must be enabled, disabled or adaptive, not " + printable(type));
    return Thinking::kDefault;
}

std::vector<std::string> read_stops(const JsonFields& body, std::string_view name, std::size_t count_max) {
    std::vector<std::string> stops;
    const json::value* const value = body.find(name);
    if (value == nullptr) return stops;
    const std::string path = body.path_of(name);
    if (value->is_string()) {
        add_stop(stops, *value, path, body.reading());
        return stops;
    }
    if (!value->is_array()) {
        refuse_type(body.reading(), path, "a string or an array of strings", *value);
        return stops;
    }
    const json::array& list = value->get_array();
    if (list.size() > count_max) {
        body.refuse("invalid_value", name,
                    path + " may have " + std::to_string(count_max) + " strings at most");
        return stops;
    }
    for (std::size_t i = 0; i < list.size(); ++i)
        add_stop(stops, list[i], element_path(path, i), body.reading());
    return stops;
}

void add_tool(std::vector<ToolDefinition>& tools, ToolDefinition tool, const JsonFields& fields) {
    if (!is_tool_name(tool.name)) {
        fields.refuse("invalid_value", "name",
                      fields.path_of("name") + " must have 1 to " + std::to_string(kToolNameBytesMax) +
                          " letters, digits or any of _-.:/, not " + printable(tool.name));
    } else if (tools.size() >= kToolsMax) {
        fields.refuse("invalid_value", "name",
                      "there may be " + std::to_string(kToolsMax) + " tools at most");
    } else if (has_tool(tools, tool.name)) {
        fields.refuse("invalid_value", "name", "there are two tools of the name " + printable(tool.name));
    } else {
        tools.push_back(std::move(tool));
    }
}

void check_tool_choice(const AnswerConstraint& constraint, const std::vector<ToolDefinition>& tools,
                       std::string_view path, RequestReading& reading) {
    if (constraint.tool_choice != ToolChoice::kRequired) return;
    if (tools.empty()) {
        reading.refuse("invalid_value", path,
                       std::string(path) + " requires a tool, but the request has no tools");
    } else if (!constraint.tool_name.empty() && !has_tool(tools, constraint.tool_name)) {
        reading.refuse("invalid_value", path,
                       std::string(path) + " names the tool " + printable(constraint.tool_name) +
                           ", which is not among the tools");
    }
}

std::string read_schema(const JsonFields& fields, std::string_view name, std::string_view absent) {
    const json::value* const schema = fields.find(name);
    if (schema == nullptr) return std::string(absent);
    if (!schema->is_object()) refuse_type(fields.reading(), fields.path_of(name), "an object", *schema);
    return to_json_text(*schema);
}

void name_tool_results(std::vector<ChatMessage>& messages) {
    std::map<std::string, std::string, std::less<>> names;
    for (ChatMessage& message : messages) {
        for (const ToolCall& call : message.tool_calls) names[call.id] = call.name;
        if (message.role != Role::kTool || !message.name.empty()) continue;
        if (const auto found = names.find(message.tool_call_id); found != names.end())
            message.name = found->second;
    }
}

void add_system_text(std::vector<ChatMessage>& messages, ChatMessage message, std::string_view path,
                     RequestReading& reading) {
    SystemText stripped = strip_client_lines(message.content);
    for (const std::string& line : stripped.lines_stripped) {
        reading.note("stripped from " + std::string(path) + ": " + line);
    }
    if (stripped.text.empty() && !stripped.lines_stripped.empty()) return;
    message.content = std::move(stripped.text);
    messages.push_back(std::move(message));
}

}  // namespace kvasir
