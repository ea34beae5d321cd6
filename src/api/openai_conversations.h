// /v1/conversations and lists of items, as OpenAI has them. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "api/api_error.h"

namespace kvasir {

struct ConversationBody {
    std::optional<std::string> agent;  // a valid name
    boost::json::object metadata;
    boost::json::array items;  // with ids
};

// `seed` makes the ids of items unique.
ApiResult<ConversationBody> parse_new_conversation(std::string_view json, std::string_view seed);
ApiResult<boost::json::object> parse_conversation_update(std::string_view json);  // the new metadata
ApiResult<boost::json::array> parse_conversation_items(std::string_view json, std::string_view seed);

std::string openai_conversation(const std::string& id, std::int64_t created_unix_s,
                                const boost::json::object& metadata);
// {"id","object","deleted":true}
std::string openai_deleted(const std::string& id, std::string_view object);

enum class ListOrder { kOldestFirst, kNewestFirst };

struct ListQuery {
    std::size_t limit = 20;
    ListOrder order = ListOrder::kNewestFirst;
    std::string after;  // an id: what follows it. "" from the start
};

// From the values of a query, which are absent or as sent.
ApiResult<ListQuery> parse_list_query(std::optional<std::string_view> limit,
                                      std::optional<std::string_view> order,
                                      std::optional<std::string_view> after);
// One page of `items`, which are oldest first. invalid_value: `after` is none of them.
ApiResult<std::string> openai_item_page(const boost::json::array& items, const ListQuery& query);
// All of them, as POST /v1/conversations/{id}/items answers.
std::string openai_item_list(const boost::json::array& items);

}  // namespace kvasir
