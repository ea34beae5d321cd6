#include "server/response_routes.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include "api/json_text.h"
#include "api/openai_conversations.h"
#include "api/openai_responses.h"
#include "base/hash.h"
#include "base/names.h"
#include "http/request_id.h"
#include "server/model_names.h"
#include "server/response_form.h"
#include "server/response_history.h"
#include "server/server_context.h"
#include "server/speaker.h"
#include "server/turn_bridge.h"
#include "server/turn_requests.h"

namespace kvasir {

namespace json = boost::json;

namespace {

struct ResponseJob {
    std::string id;
    ResponsesRequest request;
    ResponseHistory history;
    Speaker speaker;
    std::optional<ModelIndex> model;
};

// A retry under the same Idempotency-Key is the same response.
std::string new_response_id(const HttpRequest& http) {
    const auto key = http.header("idempotency-key");
    if (!key || key->empty()) return "resp_" + make_request_id();
    Sha256 hash("kvasir.response.v1");
    hash.field("path", http.path).field("agent", http.header("x-kvasir-agent").value_or(""));
    hash.field("key", *key).field("body", http.body);
    return "resp_" + hash.finish().hex().substr(0, 32);
}

ApiError not_found(const std::string& id) {
    ApiError error =
        http_error(404, "Response with id " + printable(id) +
                            " not found: it was not stored (store: false), was deleted, or is not "
                            "this server's");
    error.type = "invalid_request_error";
    return error;
}

// What is named outright must be the response's or conversation's agent; a session of the client's need not.
ApiResult<Speaker> speaker_of(const Speaker& found, const ResponseHistory& history) {
    if (history.agent.empty() || history.agent == found.agent) return found;
    const bool is_named = found.source == SpeakerSource::kPath || found.source == SpeakerSource::kHeader ||
                          found.source == SpeakerSource::kBody;
    if (is_named)
        return fail(invalid_request("previous_response_not_found", "previous_response_id",
                                    "what the request goes on from belongs to the agent " +
                                        printable(history.agent) + ", and it names " +
                                        printable(found.agent)));
    return Speaker{history.agent, SpeakerSource::kStored, {}};
}

void begin_response(const RouteCall& call, ResponseJob& job) {
    auto speaker = speaker_of(job.speaker, job.history);
    if (!speaker) return respond_error(call, speaker.error());
    auto messages = messages_of(job.request, job.history);
    if (!messages) return respond_error(call, messages.error());
    const HttpRequest& http = call.exchange->request();
    TurnBridgeOptions options;
    options.head = {job.id, call.context.clock.unix_ms() / 1000,
                    model_shown(call.context, job.request.chat.model), UsageChunk::kNo};
    options.model = job.model;
    options.agent = speaker->agent;
    options.protocol = call.protocol;
    options.stream = job.request.chat.stream;
    options.notes = job.request.chat.notes;
    options.headers = {{"x-kvasir-agent", speaker->agent},
                       {"x-kvasir-agent-source", to_string(speaker->source)}};
    ResponseFormOptions kept{{job.id, options.head.created_unix_s, options.head.model,
                              std::move(job.request.echo), job.request.sealed},
                             std::move(job.request.input),
                             job.request.conversation,
                             job.request.store,
                             messages->instruction_messages};
    const std::string cancelled =
        to_json_text(response_json(kept.head, ResponseStatus::kCancelled, {}, nullptr));
    const auto form = std::make_shared<ResponseForm>(std::move(kept), call.context.clock);
    job.request.chat.messages = std::move(messages->messages);
    TurnRequest request = turn_request(call.context, std::move(job.request.chat), *speaker);
    request.idempotency_key = std::string(http.header("idempotency-key").value_or(""));
    request.request_id = http.request_id;
    request.follows = job.history.follows;
    if (job.request.truncation == Truncation::kAuto) request.when_full = WhenFull::kDropOldestTurns;
    request.response = [form, head = options.head, agent = speaker->agent](const TurnResult& turn) {
        return form->stored(answer_of(head, turn, agent));
    };
    const auto bridge = std::make_shared<TurnBridge>(std::move(options), call.exchange, form);
    if (const auto ticket = bridge->submit(call.context, std::move(request)))
        call.context.running_responses.add(job.id, ticket, cancelled);
}

// Calls `go(call, job)` when the history is known: at once, or on the engine thread.
void with_history(const RouteCall& call, void (*go)(const RouteCall&, ResponseJob&)) {
    const HttpRequest& http = call.exchange->request();
    const auto job = std::make_shared<ResponseJob>();
    job->id = new_response_id(http);
    auto parsed = parse_openai_response(http.body, job->id);
    if (!parsed) return respond_error(call, parsed.error());
    job->request = std::move(*parsed);
    auto speaker = find_speaker(http, call.agent, job->request.chat.agent, job->request.chat.session);
    if (!speaker) return respond_error(call, api_error(speaker.error()));
    job->speaker = std::move(*speaker);
    const auto model = find_model(call.context, job->request.chat.model);
    if (!model) return respond_error(call, model.error());
    job->model = *model;
    if (!needs_history(job->request)) return go(call, *job);
    on_engine_thread(call, [job, go](AgentMemory& memory, const RouteCall& done) {
        auto history = find_history(memory, job->request);
        if (!history) return respond_error(done, history.error());
        job->history = std::move(*history);
        go(done, *job);
    });
}

void count_input(const RouteCall& call, ResponseJob& job) {
    const auto speaker = speaker_of(job.speaker, job.history);
    if (!speaker) return respond_error(call, speaker.error());
    auto messages = messages_of(job.request, job.history);
    if (!messages) return respond_error(call, messages.error());
    job.request.chat.messages = std::move(messages->messages);
    TurnRequest request = turn_request(call.context, std::move(job.request.chat), *speaker);
    request.follows = job.history.follows;
    on_model(call, job.model, speaker->agent,
             [request = std::move(request)](AgentMemory& memory, const RouteCall& done) {
                 const auto count = memory.count_tokens(request);
                 if (!count) return respond_error(done, api_error(count.error()));
                 respond_json(done, 200, openai_input_tokens(*count));
             });
}

// The record of a stored response, or the error that was answered.
std::optional<ResponseRecord> stored_record(AgentMemory& memory, const RouteCall& call) {
    const auto found = memory.responses().response(call.item);
    if (!found) {
        respond_error(call, api_error(found.error()));
        return std::nullopt;
    }
    const bool is_agents = *found && (call.agent.empty() || call.agent == (*found)->agent);
    if (!is_agents) {
        respond_error(call, not_found(call.item));
        return std::nullopt;
    }
    auto record = read_response_record((*found)->record);
    if (record) return std::move(*record);
    respond_error(call, api_error(record.error()));
    return std::nullopt;
}

}  // namespace

void post_responses(const RouteCall& call) { with_history(call, begin_response); }

void post_response_input_tokens(const RouteCall& call) { with_history(call, count_input); }

void get_response(const RouteCall& call) {
    if (call.exchange->request().query_value("stream") == "true")
        return respond_error(call,
                             invalid_request("unsupported_value", "stream",
                                             "a stored response is told whole: stream must not be true"));
    on_engine_thread(call, [](AgentMemory& memory, const RouteCall& done) {
        if (const auto record = stored_record(memory, done))
            respond_json(done, 200, to_json_text(record->response));
    });
}

void delete_response(const RouteCall& call) {
    on_engine_thread(call, [](AgentMemory& memory, const RouteCall& done) {
        if (!stored_record(memory, done)) return;
        const Status erased = memory.responses().erase_response(done.item);
        if (!erased) return respond_error(done, api_error(erased.error()));
        respond_json(done, 200, openai_deleted(done.item, "response"));
    });
}

void post_response_cancel(const RouteCall& call) {
    on_engine_thread(call, [](AgentMemory& memory, const RouteCall& done) {
        const auto stored = memory.responses().response(done.item);
        if (!stored) return respond_error(done, api_error(stored.error()));
        if (*stored)
            return respond_error(
                done, invalid_request("invalid_value", "response_id",
                                      "the response is complete: only one that is being made can be "
                                      "cancelled"));
        const auto told = done.context.running_responses.cancel(done.item);
        if (!told) return respond_error(done, not_found(done.item));
        respond_json(done, 200, *told);
    });
}

void get_response_input_items(const RouteCall& call) {
    const HttpRequest& http = call.exchange->request();
    const auto query =
        parse_list_query(http.query_value("limit"), http.query_value("order"), http.query_value("after"));
    if (!query) return respond_error(call, query.error());
    on_engine_thread(call, [query = *query](AgentMemory& memory, const RouteCall& done) {
        const auto record = stored_record(memory, done);
        if (!record) return;
        const auto page = openai_item_page(record->input, query);
        if (!page) return respond_error(done, page.error());
        respond_json(done, 200, *page);
    });
}

}  // namespace kvasir
