#include "server/speaker.h"

#include "base/hash.h"
#include "base/names.h"

namespace kvasir {

namespace {

std::string_view given(const HttpRequest& request, std::string_view name) {
    return request.header(name).value_or("");
}

// x-opencode-session-id, x-litellm-session-id, x-dynamo-session-id and those that are still to come. A
// parent's is another agent's.
bool is_session_header(std::string_view name) {
    return name.starts_with("x-") && name.ends_with("-session-id") && name != "x-parent-session-id" &&
           !name.ends_with("-parent-session-id");
}

// Headers that coding agents and proxies send by themselves. A subagent's id goes behind its session's.
std::optional<Speaker> speaker_of_headers(const HttpRequest& request) {
    const auto session_of = [](std::string_view session, std::string_view parent) {
        return Speaker{agent_of_session(session), SpeakerSource::kSession,
                       parent.empty() ? "" : agent_of_session(parent)};
    };
    if (const std::string session(given(request, "x-claude-code-session-id")); !session.empty()) {
        const std::string subagent(given(request, "x-claude-code-agent-id"));
        if (subagent.empty()) return session_of(session, "");
        const std::string parent(given(request, "x-claude-code-parent-agent-id"));
        return session_of(session + "." + subagent, parent.empty() ? session : session + "." + parent);
    }
    const std::string_view parent = given(request, "x-parent-session-id");
    for (const std::string_view name :
         {"x-session-id", "thread-id", "session-id", "x-openwebui-chat-id", "x-session-affinity"}) {
        if (const auto session = given(request, name); !session.empty()) return session_of(session, parent);
    }
    for (const auto& [name, session] : request.headers) {
        if (is_session_header(name) && !session.empty()) return session_of(session, parent);
    }
    return std::nullopt;
}

}  // namespace

const char* to_string(SpeakerSource source) {
    switch (source) {
        case SpeakerSource::kPath:
            return "path";
        case SpeakerSource::kHeader:
            return "header";
        case SpeakerSource::kBody:
            return "body";
        case SpeakerSource::kSession:
            return "session";
        case SpeakerSource::kStored:
            return "stored";
        case SpeakerSource::kAnonymous:
            return "anonymous";
    }
    return "anonymous";
}

std::string agent_of_session(std::string_view session_id) {
    if (check_agent_name(session_id)) return std::string(session_id);
    Sha256 hash("kvasir.session.v1");
    hash.field("id", session_id);
    return "session-" + hash.finish().hex().substr(0, 24);
}

Result<Speaker> find_speaker(const HttpRequest& request, std::string_view path_agent,
                             const std::optional<std::string>& body_agent, const SessionHints& hints) {
    const auto named = [](std::string_view name, SpeakerSource source) -> Result<Speaker> {
        KVASIR_TRY(check_agent_name(name));
        return Speaker{std::string(name), source, {}};
    };
    if (!path_agent.empty()) return named(path_agent, SpeakerSource::kPath);
    if (const auto header = request.header("x-kvasir-agent")) return named(*header, SpeakerSource::kHeader);
    if (body_agent) return named(*body_agent, SpeakerSource::kBody);
    if (const auto speaker = speaker_of_headers(request)) return *speaker;
    for (const std::string* hint : {&hints.prompt_cache_key, &hints.session_id}) {
        if (!hint->empty()) return Speaker{agent_of_session(*hint), SpeakerSource::kSession, {}};
    }
    return Speaker{kAnonymousAgent, SpeakerSource::kAnonymous, {}};
}

}  // namespace kvasir
