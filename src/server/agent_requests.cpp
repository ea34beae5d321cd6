#include "server/agent_requests.h"

#include <limits>

#include "api/api_limits.h"
#include "api/json_fields.h"
#include "api/json_text.h"

namespace kvasir {

namespace {

constexpr std::int64_t kTurnsMax = std::numeric_limits<std::uint32_t>::max();

std::optional<float> number(const JsonFields& fields, std::string_view name, NumberRange range) {
    const auto value = fields.number(name, range);
    return value ? std::optional<float>(static_cast<float>(*value)) : std::nullopt;
}

std::vector<std::string> stops_of(const JsonFields& fields) {
    std::vector<std::string> stops;
    const boost::json::value* given = fields.find("stop");
    if (given == nullptr || given->is_null()) return stops;
    const auto add = [&](const boost::json::value& value) {
        const bool usable =
            value.is_string() && !value.as_string().empty() && value.as_string().size() <= kStopBytesMax;
        if (!usable || stops.size() >= kOpenAiStopsMax)
            return fields.refuse("invalid_value", "stop",
                                 "stop is a string or up to 4 strings of 1 to 256 bytes");
        stops.emplace_back(value.as_string());
    };
    if (!given->is_array()) {
        add(*given);
        return stops;
    }
    for (const boost::json::value& value : given->as_array()) add(value);
    return stops;
}

}  // namespace

ApiResult<NewAgentBody> parse_new_agent(std::string_view text) {
    auto object = parse_request_body(text);
    if (!object) return fail(object.error());
    RequestReading reading;
    const JsonFields fields(*object, "", reading);
    NewAgentBody body{fields.required_text("name"), fields.text("type").value_or(""),
                      fields.text("system_prompt").value_or(""), fields.text("model").value_or("")};
    if (reading.failed()) return fail(*reading.error());
    return body;
}

ApiResult<ForkBody> parse_fork(std::string_view text) {
    auto object = parse_request_body(text);
    if (!object) return fail(object.error());
    RequestReading reading;
    const JsonFields fields(*object, "", reading);
    ForkBody body;
    body.name = fields.required_text("name");
    if (const auto turn = fields.integer("at", {0, kTurnsMax}))
        body.at_turn = static_cast<std::uint32_t>(*turn);
    if (reading.failed()) return fail(*reading.error());
    return body;
}

namespace {

WhenFull when_full_of_text(const JsonFields& fields, const std::string& wanted) {
    if (wanted != "refuse" && wanted != "drop_oldest_turns")
        fields.refuse("invalid_value", "when_full", "when_full must be refuse or drop_oldest_turns");
    return wanted == "refuse" ? WhenFull::kRefuse : WhenFull::kDropOldestTurns;
}

}  // namespace

ApiResult<WhenFull> parse_when_full(std::string_view text) {
    auto object = parse_request_body(text);
    if (!object) return fail(object.error());
    RequestReading reading;
    const JsonFields fields(*object, "", reading);
    const WhenFull wanted = when_full_of_text(fields, fields.required_text("when_full"));
    if (reading.failed()) return fail(*reading.error());
    return wanted;
}

ApiResult<std::uint32_t> parse_rollback(std::string_view text) {
    auto object = parse_request_body(text);
    if (!object) return fail(object.error());
    RequestReading reading;
    const JsonFields fields(*object, "", reading);
    const auto turn = fields.integer("to", {0, kTurnsMax});
    if (!turn)
        fields.refuse("missing_required_parameter", "to",
                      "to is the turn to go back to; 0: the system prompt");
    if (reading.failed()) return fail(*reading.error());
    return static_cast<std::uint32_t>(*turn);
}

ApiResult<AgentChange> parse_agent_change(std::string_view text) {
    auto object = parse_request_body(text);
    if (!object) return fail(object.error());
    RequestReading reading;
    const JsonFields fields(*object, "", reading);
    fields.refuse_if_given("system_prompt",
                           "a conversation begins with it, so it stays; create another agent");
    AgentChange change{fields.text("name"), fields.text("title"), fields.text("type"), {}};
    if (const auto pinned = fields.flag("pinned")) change.pinned = *pinned ? Pinned::kYes : Pinned::kNo;
    if (const auto wanted = fields.text("when_full")) change.when_full = when_full_of_text(fields, *wanted);
    if (change.empty()) {
        fields.refuse("missing_required_parameter", "name",
                      "nothing is to be changed: give name, title, type, pinned or when_full");
    }
    if (reading.failed()) return fail(*reading.error());
    return change;
}

ApiResult<AgentChange> parse_pin(std::string_view text) {
    AgentChange change;
    change.pinned = Pinned::kYes;
    if (text.empty()) return change;
    auto object = parse_request_body(text);
    if (!object) return fail(object.error());
    RequestReading reading;
    const JsonFields fields(*object, "", reading);
    if (!fields.flag("pinned").value_or(true)) change.pinned = Pinned::kNo;
    if (reading.failed()) return fail(*reading.error());
    return change;
}

ApiResult<AgentMessageBody> parse_agent_message(std::string_view text) {
    auto object = parse_request_body(text);
    if (!object) return fail(object.error());
    RequestReading reading;
    const JsonFields fields(*object, "", reading);
    AgentMessageBody body;
    body.content = fields.required_text("content");
    if (fields.flag("stream").value_or(false)) body.stream = StreamMode::kStream;
    if (fields.flag("raw").value_or(false)) body.reading = AnswerReading::kRaw;
    if (const auto most = fields.integer("max_tokens", {1, kAnswerTokensMax}))
        body.answer_tokens_max = static_cast<std::uint32_t>(*most);
    if (const auto turn = fields.integer("expected_turn", {0, kTurnsMax}))
        body.expected_turn = static_cast<std::uint32_t>(*turn);
    if (const auto seed = fields.integer("seed", {0, kTurnsMax}))
        body.sampling.seed = static_cast<std::uint32_t>(*seed);
    body.sampling.temperature = number(fields, "temperature", {0, 2});
    body.sampling.top_p = number(fields, "top_p", {0, 1});
    body.sampling.min_p = number(fields, "min_p", {0, 1});
    body.stops = stops_of(fields);
    if (reading.failed()) return fail(*reading.error());
    return body;
}

}  // namespace kvasir
