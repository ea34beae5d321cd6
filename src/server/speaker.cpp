#include "server/speaker.h"

#include "base/hash.h"
#include "base/names.h"

namespace kvasir {

namespace {

// Headers that coding agents and proxies send by themselves.
std::optional<std::string> session_of_headers(const HttpRequest& request) {
    if (const auto session = request.header("x-claude-code-session-id")) {
        const auto subagent = request.header("x-claude-code-agent-id");
        return std::string(*session) + (subagent ? "." + std::string(*subagent) : "");
    }
    for (const std::string_view name : {"x-session-id", "session-id", "x-litellm-session-id"}) {
        if (const auto session = request.header(name); session && !session->empty())
            return std::string(*session);
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
        return Speaker{std::string(name), source};
    };
    if (!path_agent.empty()) return named(path_agent, SpeakerSource::kPath);
    if (const auto header = request.header("x-kvasir-agent")) return named(*header, SpeakerSource::kHeader);
    if (body_agent) return named(*body_agent, SpeakerSource::kBody);
    if (const auto session = session_of_headers(request))
        return Speaker{agent_of_session(*session), SpeakerSource::kSession};
    for (const std::string* hint : {&hints.prompt_cache_key, &hints.session_id}) {
        if (!hint->empty()) return Speaker{agent_of_session(*hint), SpeakerSource::kSession};
    }
    return Speaker{kAnonymousAgent, SpeakerSource::kAnonymous};
}

}  // namespace kvasir
