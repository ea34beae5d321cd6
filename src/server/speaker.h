// Who is speaking: the agent that a request means. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/chat_request.h"
#include "http/http.h"

namespace kvasir {

// How the agent was named, for the answer's header and the log. kStored: by a response or conversation of its
// own.
enum class SpeakerSource { kPath, kHeader, kBody, kSession, kStored, kAnonymous };

const char* to_string(SpeakerSource source);

struct Speaker {
    std::string agent;
    SpeakerSource source = SpeakerSource::kAnonymous;
    std::string parent;  // the agent that it works for, "" none
};

inline constexpr const char* kAnonymousAgent = "anonymous";

// The first that is present wins: the path, X-Kvasir-Agent, the body's agent or model@agent, session ids of
// known clients, nobody. kInvalidArgument: a name that is given and is none.
Result<Speaker> find_speaker(const HttpRequest& request, std::string_view path_agent,
                             const std::optional<std::string>& body_agent, const SessionHints& hints);

// A session id as an agent's name: itself where it can be one, else a digest of it.
std::string agent_of_session(std::string_view session_id);

}  // namespace kvasir
