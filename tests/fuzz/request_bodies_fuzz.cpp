// Bodies of requests of every protocol. Input: a letter that names the protocol, then JSON.
#include <algorithm>
#include <optional>

#include "fuzz/fuzz_target.h"
#include <boost/json.hpp>

#include "api/anthropic.h"
#include "api/json_text.h"
#include "api/openai_chat.h"
#include "api/openai_completions.h"
#include "api/openai_conversations.h"
#include "api/openai_responses.h"
#include "base/names.h"
#include "server/agent_requests.h"

namespace kvasir::fuzz {

namespace {

void check_error(const ApiError& error) {
    require(error.http_status >= 400 && error.http_status < 500, "a request that is refused is at fault");
    require(!error.code.empty() && !error.message.empty(), "an error says what is wrong");
    boost::system::error_code bad;
    for (const std::string& body :
         {openai_error_body(error), anthropic_error_body(error), kvasir_error_body(error)}) {
        boost::json::parse(body, bad);
        require(!bad, "the body of an error is JSON");
    }
}

template <class T, class Rare>
Outcome judge(const ApiResult<T>& request, Rare is_rare) {
    if (request) return is_rare(*request) ? Outcome::kRare : Outcome::kAccepted;
    check_error(request.error());
    return Outcome::kRefused;
}

template <class Request>
bool check_chat(const Request& request) {
    require(!request.agent || check_agent_name(*request.agent).has_value(),
            "an agent has a name that is one");
    require(request.session.session_id.size() <= 256, "hints are short");
    // The models that the corpus asks for.
    return !request.model.empty() && request.model != "m";
}

// What a client may hear of texts that it sent: answers are JSON, whatever stands in them.
void check_json(std::string_view text) {
    boost::system::error_code bad;
    boost::json::parse(text, bad);
    require(!bad, "an answer is JSON");
}

void check_event(std::string_view event) {
    require(event.starts_with("data: ") && event.ends_with("\n\n"), "an event is one");
    check_json(event.substr(6, event.find("\n\n") - 6));
}

bool check_completion(const CompletionRequest& request) {
    ChatAnswer answer;
    answer.id = "cmpl-1";
    answer.model = request.model;
    if (const auto* text = std::get_if<std::string>(&request.prompt)) answer.message.content = *text;
    answer.logprobs.push_back({answer.message.content, -0.5F, {{answer.message.content, -0.5F}}});
    check_json(openai_completion_answer(answer));
    OpenAiCompletionStream stream({answer.id, answer.created_unix_s, answer.model, request.usage_chunk});
    AnswerDelta delta;
    require(stream.delta(delta).empty(), "nothing said, nothing sent");
    delta.content = answer.message.content;
    delta.logprobs = answer.logprobs;
    check_event(stream.delta(delta));
    check_event(stream.finish(answer));
    check_event(stream.error(invalid_request("invalid_value", "prompt", answer.message.content)));
    return check_chat(request);
}

// Items that were accepted are read again by whoever stored them.
void check_items(const boost::json::array& items) {
    require(messages_of_items(items, "input").has_value(), "items that were accepted are messages");
    const auto again = with_ids(items, "input", "again");
    require(again && *again == items, "an id that is there stays");
    check_json(openai_item_list(items));
    ListQuery query;
    query.limit = 2;
    for (const boost::json::value& item : items) {
        const auto page = openai_item_page(items, query);
        require(page.has_value(), "there is a page");
        check_json(*page);
        query.after = boost::json::value_to<std::string>(item.at("id"));
    }
    query.after = "none such";
    require(!openai_item_page(items, query) || items.empty(), "after what is not there is nothing");
}

bool check_response(const ResponsesRequest& request) {
    check_items(request.input);
    check_json(boost::json::serialize(request.echo));
    ResponseHead head{"resp_1", 0, request.chat.model, request.echo, request.sealed};
    OpenAiResponsesStream stream(head);
    require(!stream.begin().empty(), "a stream begins");
    ChatAnswer answer;
    if (request.instructions) answer.message.content = *request.instructions;
    const auto output = ResponseOutput::of(head.id, answer.message, {});
    check_items(output.json(ResponseStatus::kCompleted, request.sealed));
    require(!stream.finish(answer).empty(), "and ends");
    return check_chat(request.chat);
}

bool check_conversation(const ConversationBody& body) {
    require(!body.agent || check_agent_name(*body.agent).has_value(), "an agent has a name that is one");
    check_items(body.items);
    check_json(openai_conversation("conv_1", 0, body.metadata));
    return false;
}

// Three values of a query: lines.
Outcome check_list_query(std::string_view text) {
    std::optional<std::string_view> values[3];
    for (auto& value : values) {
        if (text.empty()) break;
        value = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), value->size() + 1));
    }
    const auto never = [](const auto&) { return false; };
    return judge(parse_list_query(values[0], values[1], values[2]), never);
}

// Any value that was read is written so that it reads the same.
Outcome check_round_trip(std::string_view text) {
    const auto body = parse_request_body(text);
    if (!body) {
        check_error(body.error());
        check_json(to_json_text(boost::json::string(text)));
        return Outcome::kRefused;
    }
    const std::string written = to_json_text(*body);
    const auto again = parse_request_body(written);
    require(again && to_json_text(*again) == written, "what was read and written is the same");
    return body->size() == 5 ? Outcome::kRare : Outcome::kAccepted;
}

}  // namespace

Outcome run_target(Input input) {
    if (input.empty()) return Outcome::kRefused;
    const std::string_view text = text_of(input.subspan(1));
    const auto rare_turn = [](const auto& request) { return request.expected_turn == 33U; };
    const auto never = [](const auto&) { return false; };
    switch (input.front()) {
        case 'c':
            return judge(parse_openai_chat(text), check_chat<ChatRequest>);
        case 'p':
            return judge(parse_openai_completion(text), check_completion);
        case 'm':
            return judge(parse_anthropic_messages(text), check_chat<ChatRequest>);
        case 't':
            return judge(parse_anthropic_count_tokens(text), check_chat<ChatRequest>);
        case 'j':
            return check_round_trip(text);
        case 'n':
            return judge(parse_new_agent(text), never);
        case 'f':
            return judge(parse_fork(text), never);
        case 'r':
            return judge(parse_rollback(text), [](std::uint32_t to) { return to == 33; });
        case 'w':
            return judge(parse_when_full(text), never);
        case 'k':
            return judge(parse_agent_change(text), never);
        case 'b':
            return judge(parse_pin(text), never);
        case 'o':
            return judge(parse_openai_response(text, "resp_1"), check_response);
        case 'v':
            return judge(parse_new_conversation(text, "seed"), check_conversation);
        case 'u':
            return judge(parse_conversation_update(text), never);
        case 'i':
            return judge(parse_conversation_items(text, "seed"), [](const boost::json::array& items) {
                check_items(items);
                return false;
            });
        case 'l':
            return check_list_query(text);
        case 'a':
            return judge(parse_agent_message(text), rare_turn);
        default:
            return Outcome::kRefused;
    }
}

}  // namespace kvasir::fuzz
