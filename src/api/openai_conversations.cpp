#include "api/openai_conversations.h"

#include <algorithm>
#include <charconv>

#include "api/json_fields.h"
#include "api/json_text.h"
#include "api/openai_responses.h"
#include "api/request_fields.h"
#include "base/names.h"

namespace kvasir {

namespace json = boost::json;

namespace {

constexpr std::size_t kMetadataMax = 16;  // the protocol's own
constexpr std::size_t kItemsOfOneRequestMax = 1000;
constexpr std::size_t kPageItemsMax = 100;

json::object metadata_of(const JsonFields& body) {
    const auto metadata = body.object("metadata");
    if (!metadata) return {};
    if (metadata->all().size() > kMetadataMax)
        body.refuse("invalid_value", "metadata", "metadata may have 16 fields at most");
    return metadata->all();
}

json::array items_of(const JsonFields& body, std::string_view seed) {
    const json::array* const items = body.array("items");
    if (items == nullptr) return {};
    if (items->size() > kItemsOfOneRequestMax)
        body.refuse("invalid_value", "items", "items may have 1000 elements at most");
    auto with = with_ids(*items, "items", seed);
    if (!with) {
        body.reading().refuse(with.error());
        return {};
    }
    for (const json::value& item : *with) {
        if (item.at("type") == "item_reference")
            body.refuse("unsupported_value", "items", "items must be whole: references are for responses");
    }
    if (const auto read = messages_of_items(*with, "items"); !read) body.reading().refuse(read.error());
    return std::move(*with);
}

std::string id_of(const json::value& item) { return json::value_to<std::string>(item.at("id")); }

std::string list_text(json::array data, bool has_more) {
    json::value first = data.empty() ? json::value() : data.front().at("id");
    json::value last = data.empty() ? json::value() : data.back().at("id");
    return to_json_text({{"object", "list"},
                         {"data", std::move(data)},
                         {"first_id", std::move(first)},
                         {"last_id", std::move(last)},
                         {"has_more", has_more}});
}

}  // namespace

ApiResult<ConversationBody> parse_new_conversation(std::string_view text, std::string_view seed) {
    // Clients create one with an empty body, too.
    KVASIR_TRY_ASSIGN(const json::object object, parse_request_body(text.empty() ? "{}" : text));
    RequestReading reading;
    const JsonFields body(object, "", reading);
    ConversationBody out;
    out.agent = read_speaker(body, ModelField::kOptional).agent;
    out.metadata = metadata_of(body);
    out.items = items_of(body, seed);
    if (reading.failed()) return fail(*reading.error());
    return out;
}

ApiResult<json::object> parse_conversation_update(std::string_view text) {
    KVASIR_TRY_ASSIGN(const json::object object, parse_request_body(text));
    RequestReading reading;
    const JsonFields body(object, "", reading);
    if (body.find("metadata") == nullptr)
        body.refuse("missing_required_parameter", "metadata", "metadata is required: an object");
    json::object metadata = metadata_of(body);
    if (reading.failed()) return fail(*reading.error());
    return metadata;
}

ApiResult<json::array> parse_conversation_items(std::string_view text, std::string_view seed) {
    KVASIR_TRY_ASSIGN(const json::object object, parse_request_body(text));
    RequestReading reading;
    const JsonFields body(object, "", reading);
    if (body.required_array("items").empty())
        body.refuse("invalid_value", "items", "items must have at least one element");
    json::array items = items_of(body, seed);
    if (reading.failed()) return fail(*reading.error());
    return items;
}

std::string openai_conversation(const std::string& id, std::int64_t created_unix_s,
                                const json::object& metadata) {
    return to_json_text(
        {{"id", id}, {"object", "conversation"}, {"created_at", created_unix_s}, {"metadata", metadata}});
}

std::string openai_deleted(const std::string& id, std::string_view object) {
    return to_json_text({{"id", id}, {"object", object}, {"deleted", true}});
}

ApiResult<ListQuery> parse_list_query(std::optional<std::string_view> limit,
                                      std::optional<std::string_view> order,
                                      std::optional<std::string_view> after) {
    ListQuery query;
    if (limit) {
        const char* const end = limit->data() + limit->size();
        const auto parsed = std::from_chars(limit->data(), end, query.limit);
        if (parsed.ec != std::errc() || parsed.ptr != end || query.limit < 1 || query.limit > kPageItemsMax)
            return fail(invalid_request("invalid_value", "limit", "limit must be a number from 1 to 100"));
    }
    if (order && *order != "asc" && *order != "desc")
        return fail(invalid_request("invalid_value", "order", "order must be asc or desc"));
    if (order == "asc") query.order = ListOrder::kOldestFirst;
    query.after = after.value_or("");
    return query;
}

ApiResult<std::string> openai_item_page(const json::array& items, const ListQuery& query) {
    json::array ordered = items;
    if (query.order == ListOrder::kNewestFirst) std::reverse(ordered.begin(), ordered.end());
    auto begin = ordered.begin();
    if (!query.after.empty()) {
        begin = std::find_if(ordered.begin(), ordered.end(),
                             [&](const json::value& item) { return id_of(item) == query.after; });
        if (begin == ordered.end())
            return fail(
                invalid_request("invalid_value", "after", "there is no item " + printable(query.after)));
        ++begin;
    }
    const auto left = static_cast<std::size_t>(ordered.end() - begin);
    const auto end = begin + static_cast<std::ptrdiff_t>(std::min(left, query.limit));
    return list_text(json::array(begin, end), end != ordered.end());
}

std::string openai_item_list(const json::array& items) { return list_text(items, false); }

}  // namespace kvasir
