#include "server/routes.h"

#include <vector>

#include "server/agent_routes.h"
#include "server/chat_routes.h"
#include "server/conversation_routes.h"
#include "server/response_routes.h"
#include "server/status_routes.h"
#include "server/store_routes.h"
#include "server/transfer_routes.h"
#include "server/why_routes.h"

namespace kvasir {

namespace {

constexpr Access kOpen = Access::kOpen;
constexpr Access kKey = Access::kKey;
constexpr Protocol kOpenAi = Protocol::kOpenAi;
constexpr Protocol kAnthropic = Protocol::kAnthropic;
constexpr Protocol kKvasir = Protocol::kKvasir;

constexpr Route kRoutes[] = {
    {"POST", "/v1/chat/completions", kKey, kOpenAi, "Chat, as OpenAI has it", post_chat_completions},
    {"POST", "/v1/completions", kKey, kOpenAi, "A text continued, without chat template", post_completions},
    {"POST", "/v1/messages", kKey, kAnthropic, "Messages, as Anthropic has it", post_messages},
    {"POST", "/v1/messages/count_tokens", kKey, kAnthropic, "Tokens that such a request would have",
     post_count_tokens},
    {"GET", "/v1/models", kKey, kOpenAi, "The model", get_models},
    {"GET", "/v1/models/{id}", kKey, kOpenAi, "The model", get_model},
    {"POST", "/agents/{name}/v1/chat/completions", kKey, kOpenAi, "Chat with one agent: its own base URL",
     post_chat_completions},
    {"POST", "/agents/{name}/v1/completions", kKey, kOpenAi, "A text continued by one agent",
     post_completions},
    {"POST", "/agents/{name}/v1/messages", kKey, kAnthropic, "Messages to one agent: its own base URL",
     post_messages},
    {"POST", "/agents/{name}/v1/messages/count_tokens", kKey, kAnthropic, "Tokens of such a request",
     post_count_tokens},
    {"GET", "/agents/{name}/v1/models", kKey, kOpenAi, "The model", get_models},
    {"GET", "/agents/{name}/v1/models/{id}", kKey, kOpenAi, "The model", get_model},
    {"POST", "/v1/responses", kKey, kOpenAi, "An answer, as OpenAI's Responses have it", post_responses},
    {"POST", "/v1/responses/input_tokens", kKey, kOpenAi, "Tokens that such a request would have",
     post_response_input_tokens},
    {"GET", "/v1/responses/{id}", kKey, kOpenAi, "A stored response", get_response},
    {"DELETE", "/v1/responses/{id}", kKey, kOpenAi, "Forget a stored response; its turn stays",
     delete_response},
    {"POST", "/v1/responses/{id}/cancel", kKey, kOpenAi, "End one that is being made", post_response_cancel},
    {"GET", "/v1/responses/{id}/input_items", kKey, kOpenAi, "What its request brought",
     get_response_input_items},
    {"POST", "/v1/conversations", kKey, kOpenAi, "A list of items that is kept here", post_conversations},
    {"GET", "/v1/conversations/{id}", kKey, kOpenAi, "Its metadata", get_conversation},
    {"POST", "/v1/conversations/{id}", kKey, kOpenAi, "Change its metadata", post_conversation},
    {"DELETE", "/v1/conversations/{id}", kKey, kOpenAi, "Delete it", delete_conversation},
    {"GET", "/v1/conversations/{id}/items", kKey, kOpenAi, "Its items", get_conversation_items},
    {"POST", "/v1/conversations/{id}/items", kKey, kOpenAi, "Add items", post_conversation_items},
    {"GET", "/v1/conversations/{id}/items/{item}", kKey, kOpenAi, "One item", get_conversation_item},
    {"DELETE", "/v1/conversations/{id}/items/{item}", kKey, kOpenAi, "Delete an item",
     delete_conversation_item},
    {"POST", "/agents/{name}/v1/responses", kKey, kOpenAi, "An answer, as OpenAI's Responses have it",
     post_responses},
    {"POST", "/agents/{name}/v1/responses/input_tokens", kKey, kOpenAi,
     "Tokens that such a request would have", post_response_input_tokens},
    {"GET", "/agents/{name}/v1/responses/{id}", kKey, kOpenAi, "A stored response", get_response},
    {"DELETE", "/agents/{name}/v1/responses/{id}", kKey, kOpenAi, "Forget a stored response; its turn stays",
     delete_response},
    {"POST", "/agents/{name}/v1/responses/{id}/cancel", kKey, kOpenAi, "End one that is being made",
     post_response_cancel},
    {"GET", "/agents/{name}/v1/responses/{id}/input_items", kKey, kOpenAi, "What its request brought",
     get_response_input_items},
    {"POST", "/agents/{name}/v1/conversations", kKey, kOpenAi, "A list of items that is kept here",
     post_conversations},
    {"GET", "/agents/{name}/v1/conversations/{id}", kKey, kOpenAi, "Its metadata", get_conversation},
    {"POST", "/agents/{name}/v1/conversations/{id}", kKey, kOpenAi, "Change its metadata", post_conversation},
    {"DELETE", "/agents/{name}/v1/conversations/{id}", kKey, kOpenAi, "Delete it", delete_conversation},
    {"GET", "/agents/{name}/v1/conversations/{id}/items", kKey, kOpenAi, "Its items", get_conversation_items},
    {"POST", "/agents/{name}/v1/conversations/{id}/items", kKey, kOpenAi, "Add items",
     post_conversation_items},
    {"GET", "/agents/{name}/v1/conversations/{id}/items/{item}", kKey, kOpenAi, "One item",
     get_conversation_item},
    {"DELETE", "/agents/{name}/v1/conversations/{id}/items/{item}", kKey, kOpenAi, "Delete an item",
     delete_conversation_item},
    {"GET", "/agents", kKey, kKvasir, "All agents", get_agents},
    {"POST", "/agents", kKey, kKvasir, "Create an agent: its system prompt is read", post_agents},
    {"GET", "/agents/{name}", kKey, kKvasir, "One agent", get_agent},
    {"PATCH", "/agents/{name}", kKey, kKvasir, "Change name, title, type, pin or when_full", patch_agent},
    {"DELETE", "/agents/{name}", kKey, kKvasir, "Delete an agent, with a receipt", delete_agent},
    {"POST", "/agents/{name}/messages", kKey, kKvasir, "One message; the server holds the conversation",
     post_agent_message},
    {"POST", "/agents/{name}/save", kKey, kKvasir, "Make its KV durable now", post_agent_save},
    {"POST", "/agents/{name}/load", kKey, kKvasir, "Make it resident now", post_agent_load},
    {"POST", "/agents/{name}/evict", kKey, kKvasir, "Free its place in memory", post_agent_evict},
    {"POST", "/agents/{name}/pin", kKey, kKvasir, "Keep it: it leaves memory last, and never expires",
     post_agent_pin},
    {"POST", "/agents/{name}/fork", kKey, kKvasir, "A new agent with its conversation so far",
     post_agent_fork},
    {"POST", "/agents/{name}/rollback", kKey, kKvasir, "Go back to an earlier turn", post_agent_rollback},
    {"GET", "/agents/{name}/export", kKey, kKvasir, "The agent as one safetensors file", get_agent_export},
    {"POST", "/agents/{name}/import", kKey, kKvasir, "An agent of that name, from such a file",
     post_agent_import},
    {"GET", "/agents/{name}/turns", kKey, kKvasir, "What was said", get_agent_turns},
    {"GET", "/agents/{name}/cache", kKey, kKvasir, "What is kept of it, and where", get_agent_cache},
    {"POST", "/agents/{name}/when_full", kKey, kKvasir,
     "What a full context means: refuse or drop_oldest_turns", post_agent_when_full},
    {"POST", "/agents/{name}/verify", kKey, kKvasir, "Its stored state against a cold reading",
     post_agent_verify},
    {"GET", "/agents/{name}/why", kKey, kKvasir, "How its last requests were found, and what broke off",
     get_agent_why},
    {"POST", "/agents/{name}/why", kKey, kKvasir, "What of such a request is known; nothing is answered",
     post_agent_why},
    {"GET", "/why/{id}", kKey, kKvasir, "How one request was found, by its x-request-id", get_why},
    {"POST", "/rewarm", kKey, kKvasir, "Read agents again whose KV is of no use any more, in the background",
     post_rewarm},
    {"GET", "/rewarm", kKey, kKvasir, "How far that has got", get_rewarm},
    {"GET", "/memory", kKey, kKvasir, "What weights, KV and the process take", get_memory},
    {"GET", "/store", kKey, kKvasir, "Disk, budget, and what is not well", get_store},
    {"POST", "/store/fsck", kKey, kKvasir, "Check every byte (owner's socket)", post_store_fsck},
    {"POST", "/store/gc", kKey, kKvasir, "Remove KV that nobody needs (owner's socket)", post_store_gc},
    {"POST", "/store/backup", kKey, kKvasir, "Copy the store (owner's socket)", post_store_backup},
    {"GET", "/events", kKey, kKvasir, "What happens to agents, as server-sent events", get_events},
    {"GET", "/metrics", kKey, kKvasir, "Prometheus metrics", get_metrics},
    {"GET", "/health", kOpen, kKvasir, "The process answers", get_health},
    {"GET", "/ready", kOpen, kKvasir, "New turns are taken", get_ready},
    {"GET", "/openapi.json", kOpen, kKvasir, "This table as OpenAPI 3.1", get_openapi},
    {"GET", "/docs", kOpen, kKvasir, "This table as a page", get_docs},
};

std::vector<std::string_view> segments_of(std::string_view path) {
    std::vector<std::string_view> segments;
    while (!path.empty()) {
        path.remove_prefix(1);  // '/'
        const std::size_t end = path.find('/');
        segments.push_back(path.substr(0, end));
        path = end == std::string_view::npos ? std::string_view() : path.substr(end);
    }
    return segments;
}

bool matches(const Route& route, const std::vector<std::string_view>& path, RouteMatch& match) {
    const auto pattern = segments_of(route.pattern);
    if (pattern.size() != path.size()) return false;
    std::string agent;
    std::string item;
    std::string part;
    for (std::size_t i = 0; i < path.size(); ++i) {
        if (pattern[i] == "{name}") {
            agent = path[i];
        } else if (pattern[i] == "{id}") {
            item = path[i];
        } else if (pattern[i] == "{item}") {
            part = path[i];
        } else if (pattern[i] != path[i]) {
            return false;
        }
        if (path[i].empty()) return false;
    }
    match.agent = std::move(agent);
    match.item = std::move(item);
    match.part = std::move(part);
    return true;
}

}  // namespace

std::span<const Route> routes() { return kRoutes; }

RouteMatch match_route(std::string_view method, std::string_view path) {
    RouteMatch match;
    if (path.empty() || path.front() != '/') return match;
    const auto segments = segments_of(path);
    // HEAD is GET without a body; the HTTP server leaves the body out.
    const std::string_view wanted = method == "HEAD" ? "GET" : method;
    for (const Route& route : kRoutes) {
        if (!matches(route, segments, match)) continue;
        match.path_known = true;
        if (wanted == route.method) {
            match.route = &route;
            return match;
        }
        match.methods_allowed += (match.methods_allowed.empty() ? "" : ", ") + std::string(route.method);
    }
    return match;
}

Protocol protocol_of(std::string_view path) {
    if (path.find("/v1/messages") != std::string_view::npos) return Protocol::kAnthropic;
    const bool compatible = path.starts_with("/v1/") || path.find("/v1/") != std::string_view::npos;
    return compatible ? Protocol::kOpenAi : Protocol::kKvasir;
}

}  // namespace kvasir
