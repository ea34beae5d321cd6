#include "server/conversation_routes.h"

#include <algorithm>

#include <boost/json.hpp>

#include "api/json_text.h"
#include "api/openai_conversations.h"
#include "base/names.h"
#include "http/request_id.h"
#include "server/response_history.h"
#include "server/server_context.h"
#include "server/speaker.h"

namespace kvasir {

namespace json = boost::json;

namespace {

ApiError not_found(std::string_view what, const std::string& id) {
    ApiError error = http_error(404, std::string(what) + " with id " + printable(id) + " not found");
    error.type = "invalid_request_error";
    return error;
}

std::vector<ConversationItem> rows_of(const json::array& items) {
    std::vector<ConversationItem> rows;
    for (const json::value& item : items)
        rows.push_back({json::value_to<std::string>(item.at("id")), to_json_text(item)});
    return rows;
}

std::string told(const StoredConversation& conversation) {
    boost::system::error_code error;
    const json::value metadata = json::parse(conversation.record, error);
    return openai_conversation(conversation.id, conversation.created_unix_ms / 1000,
                               metadata.is_object() ? metadata.get_object() : json::object());
}

// Runs `task` on the engine thread with the conversation of the path, or answers that there is none.
template <class Task>
void with_conversation(const RouteCall& call, Task task) {
    on_engine_thread(call, [task = std::move(task)](AgentMemory& memory, const RouteCall& done) {
        const auto found = memory.responses().conversation(done.item);
        if (!found) return respond_error(done, api_error(found.error()));
        if (!*found || (!done.agent.empty() && done.agent != (*found)->agent))
            return respond_error(done, not_found("Conversation", done.item));
        task(memory, done, **found);
    });
}

std::optional<json::array> items_of(AgentMemory& memory, const RouteCall& call) {
    auto items = conversation_items(memory, call.item);
    if (items) return std::move(*items);
    respond_error(call, api_error(items.error()));
    return std::nullopt;
}

}  // namespace

void post_conversations(const RouteCall& call) {
    const HttpRequest& http = call.exchange->request();
    StoredConversation made;
    made.id = "conv_" + make_request_id();
    auto body = parse_new_conversation(http.body, made.id.substr(5));
    if (!body) return respond_error(call, body.error());
    const auto speaker = find_speaker(http, call.agent, body->agent, {});
    if (!speaker) return respond_error(call, api_error(speaker.error()));
    // Nobody named: an agent of its own, made when the first response is.
    made.agent = speaker->source == SpeakerSource::kAnonymous ? made.id : speaker->agent;
    made.record = to_json_text(body->metadata);
    made.created_unix_ms = call.context.clock.unix_ms();
    on_engine_thread(call, [made, items = rows_of(body->items)](AgentMemory& memory, const RouteCall& done) {
        const Status added = memory.responses().add_conversation(made, items);
        if (!added) return respond_error(done, api_error(added.error()));
        respond_json(done, 200, told(made));
    });
}

void get_conversation(const RouteCall& call) {
    with_conversation(call, [](AgentMemory&, const RouteCall& done, const StoredConversation& found) {
        respond_json(done, 200, told(found));
    });
}

void post_conversation(const RouteCall& call) {
    auto metadata = parse_conversation_update(call.exchange->request().body);
    if (!metadata) return respond_error(call, metadata.error());
    with_conversation(call, [record = to_json_text(*metadata)](AgentMemory& memory, const RouteCall& done,
                                                               StoredConversation found) {
        const Status set = memory.responses().set_conversation_record(done.item, record);
        if (!set) return respond_error(done, api_error(set.error()));
        found.record = record;
        respond_json(done, 200, told(found));
    });
}

void delete_conversation(const RouteCall& call) {
    with_conversation(call, [](AgentMemory& memory, const RouteCall& done, const StoredConversation&) {
        const Status erased = memory.responses().erase_conversation(done.item);
        if (!erased) return respond_error(done, api_error(erased.error()));
        respond_json(done, 200, openai_deleted(done.item, "conversation.deleted"));
    });
}

void get_conversation_items(const RouteCall& call) {
    const HttpRequest& http = call.exchange->request();
    const auto query =
        parse_list_query(http.query_value("limit"), http.query_value("order"), http.query_value("after"));
    if (!query) return respond_error(call, query.error());
    with_conversation(
        call, [query = *query](AgentMemory& memory, const RouteCall& done, const StoredConversation&) {
            const auto items = items_of(memory, done);
            if (!items) return;
            const auto page = openai_item_page(*items, query);
            if (!page) return respond_error(done, page.error());
            respond_json(done, 200, *page);
        });
}

void post_conversation_items(const RouteCall& call) {
    auto items = parse_conversation_items(call.exchange->request().body, make_request_id());
    if (!items) return respond_error(call, items.error());
    with_conversation(call, [items = std::move(*items)](AgentMemory& memory, const RouteCall& done,
                                                        const StoredConversation&) {
        const Status added = memory.responses().add_conversation_items(done.item, rows_of(items));
        if (!added) return respond_error(done, api_error(added.error()));
        respond_json(done, 200, openai_item_list(items));
    });
}

void get_conversation_item(const RouteCall& call) {
    with_conversation(call, [](AgentMemory& memory, const RouteCall& done, const StoredConversation&) {
        const auto items = items_of(memory, done);
        if (!items) return;
        const auto found = std::find_if(items->begin(), items->end(), [&](const json::value& item) {
            return json::value_to<std::string>(item.at("id")) == done.part;
        });
        if (found == items->end()) return respond_error(done, not_found("Item", done.part));
        respond_json(done, 200, to_json_text(*found));
    });
}

void delete_conversation_item(const RouteCall& call) {
    with_conversation(call, [](AgentMemory& memory, const RouteCall& done, const StoredConversation& found) {
        const Status erased = memory.responses().erase_conversation_item(done.item, done.part);
        if (!erased) return respond_error(done, api_error(erased.error()));
        respond_json(done, 200, told(found));
    });
}

}  // namespace kvasir
