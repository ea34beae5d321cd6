#include "server/response_history.h"

#include <algorithm>
#include <iterator>

#include "api/request_fields.h"
#include "base/names.h"
#include "server/response_form.h"

namespace kvasir {

namespace json = boost::json;

namespace {

bool is_reference(const json::value& item) { return item.at("type") == "item_reference"; }

std::string id_of(const json::value& item) { return json::value_to<std::string>(item.at("id")); }

ApiError no_such(std::string_view what, const std::string& id, std::string_view param,
                 std::string_view code) {
    ApiError error =
        invalid_request(code, param,
                        std::string(what) + " with id " + printable(id) +
                            " not found: it was not stored (store: false), was deleted, or is not "
                            "this server's; send the whole conversation in input");
    return error;
}

ApiResult<ResponseHistory> after_response(AgentMemory& memory, const std::string& id) {
    auto found = memory.response_turn(id);
    if (!found) return fail(api_error(found.error()));
    if (!*found)
        return fail(no_such("Previous response", id, "previous_response_id", "previous_response_not_found"));
    auto record = read_response_record((*found)->response.record);
    if (!record) return fail(api_error(record.error()));
    ResponseHistory history;
    history.follows = (*found)->response.turn;
    history.agent = (*found)->response.agent;
    history.messages = std::move((*found)->messages);
    // Instructions are each request's own.
    const auto count = std::min(record->instruction_messages, history.messages.size());
    history.messages.erase(history.messages.begin(),
                           history.messages.begin() + static_cast<std::ptrdiff_t>(count));
    return history;
}

ApiResult<ResponseHistory> in_conversation(AgentMemory& memory, const std::string& id, json::array& items) {
    const auto found = memory.responses().conversation(id);
    if (!found) return fail(api_error(found.error()));
    if (!*found) return fail(no_such("Conversation", id, "conversation", "conversation_not_found"));
    auto stored = conversation_items(memory, id);
    if (!stored) return fail(api_error(stored.error()));
    items = std::move(*stored);
    auto read = messages_of_items(items, "conversation");
    if (!read) return fail(read.error());
    ResponseHistory history;
    history.agent = (*found)->agent;
    history.messages = std::move(read->messages);
    return history;
}

const json::value* find_item(const json::array& items, const std::string& id) {
    const auto found =
        std::find_if(items.begin(), items.end(), [&](const json::value& item) { return id_of(item) == id; });
    return found == items.end() ? nullptr : &*found;
}

// Ids of items are made of their response's: "msg_<response>o0", "msg_<response>i0".
std::string response_of_item(const std::string& id) {
    const std::size_t begin = id.find('_');
    const std::size_t end = id.find_first_of("oi", begin == std::string::npos ? 0 : begin + 1);
    if (begin == std::string::npos || end == std::string::npos) return {};
    return "resp_" + id.substr(begin + 1, end - begin - 1);
}

ApiResult<json::value> referenced(AgentMemory& memory, const std::string& id, const json::array& known) {
    if (const json::value* const item = find_item(known, id)) return *item;
    const auto response = memory.responses().response(response_of_item(id));
    if (!response) return fail(api_error(response.error()));
    if (*response) {
        const auto record = read_response_record((*response)->record);
        if (!record) return fail(api_error(record.error()));
        const json::array& output = record->response.at("output").as_array();
        for (const json::array* list : {&output, &record->input}) {
            if (const json::value* const item = find_item(*list, id)) return *item;
        }
    }
    return fail(no_such("Item", id, "input", "item_not_found"));
}

}  // namespace

bool needs_history(const ResponsesRequest& request) {
    return !request.previous_response_id.empty() || !request.conversation.empty() ||
           std::any_of(request.input.begin(), request.input.end(), is_reference);
}

ApiResult<ResponseHistory> find_history(AgentMemory& memory, ResponsesRequest& request) {
    ResponseHistory history;
    json::array known;
    if (!request.previous_response_id.empty()) {
        KVASIR_TRY_ASSIGN(history, after_response(memory, request.previous_response_id));
    } else if (!request.conversation.empty()) {
        KVASIR_TRY_ASSIGN(history, in_conversation(memory, request.conversation, known));
    }
    for (json::value& item : request.input) {
        if (!is_reference(item)) continue;
        KVASIR_TRY_ASSIGN(item, referenced(memory, id_of(item), known));
    }
    return history;
}

ApiResult<ResponseMessages> messages_of(ResponsesRequest& request, const ResponseHistory& history) {
    RequestReading reading;
    ResponseMessages out;
    if (request.instructions && !request.instructions->empty())
        add_system_text(out.messages, {Role::kSystem, *request.instructions, {}, {}, {}, {}}, "instructions",
                        reading);
    out.instruction_messages = out.messages.size();
    out.messages.insert(out.messages.end(), history.messages.begin(), history.messages.end());
    KVASIR_TRY_ASSIGN(ItemMessages input, messages_of_items(request.input, "input"));
    std::move(input.messages.begin(), input.messages.end(), std::back_inserter(out.messages));
    name_tool_results(out.messages);
    for (std::vector<std::string>* notes : {&reading.notes(), &input.notes})
        std::move(notes->begin(), notes->end(), std::back_inserter(request.chat.notes));
    return out;
}

Result<json::array> conversation_items(AgentMemory& memory, const std::string& id) {
    KVASIR_TRY_ASSIGN(const auto stored, memory.responses().conversation_items(id));
    json::array items;
    for (const ConversationItem& item : stored) {
        boost::system::error_code error;
        json::value parsed = json::parse(item.text, error);
        if (error || !parsed.is_object())
            return fail(ErrorCode::kStoreUnusable,
                        "the catalog is damaged: an item of a conversation cannot be read");
        items.push_back(std::move(parsed));
    }
    return items;
}

}  // namespace kvasir
