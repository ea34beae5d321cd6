// Names and paths from outside: agents in URLs, headers and bodies, sessions, targets of requests. Input: the
// text.
#include <algorithm>

#include "fuzz/fuzz_target.h"

#include "base/names.h"
#include "http/target.h"
#include "server/speaker.h"

namespace kvasir::fuzz {

namespace {

// The rule, written down once more and in another way.
bool is_name(std::string_view text) {
    static constexpr std::string_view kFirst =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    static constexpr std::string_view kOthers = "._-";
    if (text.empty() || text.size() > 64 || kFirst.find(text.front()) == std::string_view::npos) return false;
    return std::all_of(text.begin(), text.end(), [](char c) {
        return kFirst.find(c) != std::string_view::npos || kOthers.find(c) != std::string_view::npos;
    });
}

void check_printable(std::string_view text) {
    const std::string shown = printable(text);
    require(shown.size() < 300, "what is shown of a text is short");
    require(std::all_of(shown.begin(), shown.end(), [](char c) { return c >= 0x20 && c <= 0x7e; }),
            "and plain");
}

// A target of a request, as far as the agents that it may name.
void check_target(std::string_view target) {
    const auto parsed = parse_target(target);
    if (!parsed) {
        require(!parsed.error().message.empty(), "a target that is refused is told why");
        return;
    }
    require(parsed->path.starts_with('/'), "a path begins with a slash");
    HttpRequest request;
    std::string_view rest = parsed->path;
    while (!rest.empty()) {  // any segment may be taken for an agent
        rest.remove_prefix(1);
        const std::string_view segment = rest.substr(0, rest.find('/'));
        rest.remove_prefix(segment.size());
        const auto speaker = find_speaker(request, segment, {}, {});
        require(!speaker || is_name(speaker->agent), "who speaks has a name that is one");
    }
}

// By whatever header a client tells who it is, alone or with its parent's.
void check_sessions(const std::string& text) {
    constexpr const char* kSessions[] = {
        "x-claude-code-session-id", "x-session-id",       "thread-id",           "session-id",
        "x-openwebui-chat-id",      "x-session-affinity", "x-litellm-session-id"};
    constexpr const char* kRelatives[] = {"x-claude-code-agent-id", "x-claude-code-parent-agent-id",
                                          "x-parent-session-id", "x-other-parent-session-id"};
    for (const char* session : kSessions) {
        HttpRequest request;
        request.headers.emplace_back(session, text);
        for (const char* relative : kRelatives) {
            const auto speaker = find_speaker(request, {}, {}, {});
            require(speaker && is_name(speaker->agent), "any session is somebody");
            require(speaker->parent.empty() || is_name(speaker->parent), "and somebody's child");
            require(*to_string(speaker->source) != 0, "how it was found can be told");
            request.headers.emplace_back(relative, text);
        }
    }
    SessionHints hints;
    hints.prompt_cache_key = text;
    const auto hinted = find_speaker({}, {}, {}, hints);
    require(hinted && is_name(hinted->agent), "a hint is somebody, or nobody is");
}

}  // namespace

Outcome run_target(Input input) {
    const std::string text(text_of(input));
    const bool good = check_agent_name(text).has_value();
    require(good == is_name(text), "a name is what the rule says");
    check_printable(text);
    require(is_name(agent_of_session(text)), "a session's agent has a name that is one");
    check_target(text);
    check_target("/agents/" + text);
    check_target("/agents/" + text + "/v1/messages");
    check_sessions(text);
    HttpRequest request;
    for (const char* header :
         {"x-kvasir-agent", "x-session-id", "x-claude-code-session-id", "x-claude-code-agent-id"})
        request.headers.emplace_back(header, text);
    const auto speaker = find_speaker(request, {}, text, {text, text, text, text});
    require(!speaker || (is_name(speaker->agent) && *to_string(speaker->source) != 0),
            "who speaks has a name that is one");
    request.headers.erase(request.headers.begin());
    const auto by_session = find_speaker(request, {}, {}, {text, text, text, text});
    require(by_session && is_name(by_session->agent), "any session is somebody");
    const auto in_path = find_speaker({}, text, {}, {});
    require(!in_path || text.empty() || to_string(in_path->source) == std::string_view("path"),
            "a path names whom it names");
    const auto in_body = find_speaker({}, {}, text, {});
    require(!in_body || text.empty() || to_string(in_body->source) == std::string_view("body"),
            "so does a body");
    if (!good) return Outcome::kRefused;
    return text.find("..") == std::string::npos ? Outcome::kAccepted : Outcome::kRare;
}

}  // namespace kvasir::fuzz
