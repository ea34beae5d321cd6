// Who speaks: the model, the agent, and the ids that clients send along.
#include <algorithm>

#include "api/api_limits.h"
#include "api/request_fields.h"
#include "base/names.h"

namespace kvasir {

namespace json = boost::json;

namespace {

bool is_usable_hint(std::string_view hint) {
    return hint.size() <= kHintBytesMax &&
           std::all_of(hint.begin(), hint.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
}

// Ids are only hints: what cannot be one is left out, and said.
void take_hint(std::string& place, std::string hint, std::string_view path, RequestReading& reading) {
    if (hint.empty() || !place.empty()) return;
    if (is_usable_hint(hint)) {
        place = std::move(hint);
    } else {
        reading.note(std::string(path) + " is not used: an id has " + std::to_string(kHintBytesMax) +
                     " printable ASCII characters at most");
    }
}

void take_text(std::string& place, const JsonFields& fields, std::string_view name) {
    take_hint(place, fields.text(name).value_or(std::string()), fields.path_of(name), fields.reading());
}

// Of '{"session_id":"..."}', and of "user_..._account_..._session_<id>" as older clients wrote it; "" none.
std::string session_of_user_id(const std::string& user_id) {
    constexpr std::string_view kMark = "_session_";
    if (!user_id.empty() && user_id.front() == '{') {
        if (user_id.size() > kUserIdBytesMax) return {};
        boost::system::error_code reason;
        json::parse_options options;
        options.max_depth = kJsonDepthMax;
        const json::value value = json::parse(user_id, reason, json::storage_ptr(), options);
        if (reason || !value.is_object()) return {};
        const json::value* const session = value.get_object().if_contains("session_id");
        if (session == nullptr || !session->is_string()) return {};
        return std::string(session->get_string().data(), session->get_string().size());
    }
    const std::size_t mark = user_id.rfind(kMark);
    return mark == std::string::npos ? std::string() : user_id.substr(mark + kMark.size());
}

void read_metadata(const JsonFields& metadata, SessionHints& hints) {
    take_text(hints.session_id, metadata, "session_id");
    const std::string user_id = metadata.text("user_id").value_or(std::string());
    const std::string session = session_of_user_id(user_id);
    take_hint(hints.session_id, session, metadata.path_of("user_id"), metadata.reading());
    if (session.empty() || is_usable_hint(user_id)) {
        take_hint(hints.user, user_id, metadata.path_of("user_id"), metadata.reading());
    }
}

std::optional<std::string> agent_name(const JsonFields& fields, std::string_view name, std::string text) {
    const Status checked = check_agent_name(text);
    if (checked) return text;
    fields.refuse("invalid_value", name, checked.error().message);
    return std::nullopt;
}

}  // namespace

Speaker read_speaker(const JsonFields& body, ModelField field) {
    Speaker speaker;
    speaker.model =
        field == ModelField::kRequired ? body.required_text("model") : body.text("model").value_or("");
    if (speaker.model.size() > kModelNameBytesMax) {
        body.refuse("invalid_value", "model",
                    "model may have " + std::to_string(kModelNameBytesMax) + " bytes at most");
        return speaker;
    }
    if (const auto agent = body.text("agent")) speaker.agent = agent_name(body, "agent", *agent);
    if (const auto metadata = body.object("metadata"); metadata && !speaker.agent) {
        if (const auto agent = metadata->text("agent_id"))
            speaker.agent = agent_name(*metadata, "agent_id", *agent);
    }
    const std::size_t at = speaker.model.rfind('@');
    if (at == std::string::npos) return speaker;
    const auto named = agent_name(body, "model", speaker.model.substr(at + 1));
    if (named && speaker.agent && *named != *speaker.agent) {
        body.refuse("invalid_value", "agent",
                    "the request names two agents: " + printable(*speaker.agent) + " and, in model, " +
                        printable(*named));
    }
    speaker.agent = named;
    speaker.model.resize(at);
    return speaker;
}

SessionHints read_session(const JsonFields& body) {
    SessionHints hints;
    take_text(hints.session_id, body, "session_id");
    take_text(hints.prompt_cache_key, body, "prompt_cache_key");
    take_text(hints.user, body, "user");
    take_text(hints.user, body, "safety_identifier");
    if (const auto metadata = body.object("metadata")) read_metadata(*metadata, hints);
    if (const auto metadata = body.object("client_metadata"))
        take_text(hints.session_id, *metadata, "thread_id");
    if (const auto diagnostics = body.object("diagnostics")) {
        take_text(hints.previous_id, *diagnostics, "previous_message_id");
    }
    return hints;
}

}  // namespace kvasir
