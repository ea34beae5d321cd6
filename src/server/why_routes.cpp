#include "server/why_routes.h"

#include <boost/json.hpp>

#include "api/anthropic.h"
#include "api/json_text.h"
#include "api/openai_chat.h"
#include "api/openai_responses.h"
#include "server/memory_json.h"
#include "server/model_names.h"
#include "server/response_history.h"
#include "server/server_context.h"
#include "server/turn_requests.h"

namespace kvasir {

namespace json = boost::json;

namespace {

// A turn that would be asked for, and what was taken out of the request.
struct Question {
    TurnRequest request;
    std::vector<std::string> notes;
};

void answer_match(AgentMemory& memory, const RouteCall& call, const Question& question) {
    const auto report = memory.match(question.request);
    if (!report) return respond_error(call, api_error(report.error()));
    json::value told = to_json(*report);
    if (!question.notes.empty())
        told.as_object()["notes"] = json::array(question.notes.begin(), question.notes.end());
    respond_json(call, 200, json::serialize(told));
}

Speaker by_path(const RouteCall& call) { return {call.agent, SpeakerSource::kPath, {}}; }

// Which protocol a body is of, by the fields that only one of them has.
Protocol protocol_of_body(const json::object& body) {
    if (body.contains("system") || body.contains("max_tokens_to_sample")) return Protocol::kAnthropic;
    return Protocol::kOpenAi;
}

void ask(const RouteCall& call, std::optional<ModelIndex> model, Question question) {
    on_model(call, model, call.agent,
             [question = std::move(question)](AgentMemory& memory, const RouteCall& done) {
                 answer_match(memory, done, question);
             });
}

void ask_response(const RouteCall& call, const std::string& body) {
    auto parsed = parse_openai_response(body, "resp_0");
    if (!parsed) return respond_error(call, parsed.error());
    const auto model = find_model(call.context, parsed->chat.model);
    if (!model) return respond_error(call, model.error());
    on_engine_thread(call, [request = std::move(*parsed), model = *model](AgentMemory& memory,
                                                                          const RouteCall& done) mutable {
        auto history = find_history(memory, request);
        if (!history) return respond_error(done, history.error());
        auto messages = messages_of(request, *history);
        if (!messages) return respond_error(done, messages.error());
        request.chat.messages = std::move(messages->messages);
        Question question;
        question.notes = request.chat.notes;
        question.request = turn_request(done.context, std::move(request.chat), by_path(done));
        question.request.follows = history->follows;
        ask(done, model, std::move(question));
    });
}

}  // namespace

void get_agent_why(const RouteCall& call) {
    on_engine_thread(call, [](AgentMemory& memory, const RouteCall& done) {
        json::array list;
        for (const MatchReport& report : memory.match_reports(done.agent)) list.push_back(to_json(report));
        respond_json(done, 200,
                     json::serialize(json::object{{"agent", done.agent}, {"requests", std::move(list)}}));
    });
}

void get_why(const RouteCall& call) {
    on_engine_thread(call, [](AgentMemory& memory, const RouteCall& done) {
        const auto report = memory.match_report(done.item);
        if (!report)
            return respond_error(done, http_error(404,
                                                  "nothing is known of a request with that id: the last 512 "
                                                  "since the start are"));
        respond_json(done, 200, json::serialize(to_json(*report)));
    });
}

void post_agent_why(const RouteCall& call) {
    const std::string& body = call.exchange->request().body;
    const auto object = parse_request_body(body);
    if (!object) return respond_error(call, object.error());
    if (object->contains("input") || object->contains("previous_response_id"))
        return ask_response(call, body);
    auto parsed = protocol_of_body(*object) == Protocol::kAnthropic ? parse_anthropic_count_tokens(body)
                                                                    : parse_openai_chat(body);
    if (!parsed) return respond_error(call, parsed.error());
    const auto model = find_model(call.context, parsed->model);
    if (!model) return respond_error(call, model.error());
    Question question;
    question.notes = parsed->notes;
    question.request = turn_request(call.context, std::move(*parsed), by_path(call));
    ask(call, *model, std::move(question));
}

}  // namespace kvasir
