#include "server/chat_routes.h"

#include <fmt/format.h>

#include "api/anthropic.h"
#include "api/models.h"
#include "api/openai_chat.h"
#include "api/openai_completions.h"
#include "server/answer_form.h"
#include "server/model_names.h"
#include "server/server_context.h"
#include "server/speaker.h"
#include "server/turn_bridge.h"
#include "server/turn_requests.h"

namespace kvasir {

namespace {

template <typename Request>
AnswerHead head_of(const RouteCall& call, const Request& sent, const char* id_prefix) {
    return {fmt::format("{}{}", id_prefix, call.exchange->request().request_id),
            call.context.clock.unix_ms() / 1000, model_shown(call.context, sent.model), sent.usage_chunk};
}

template <typename Request>
void answer(const RouteCall& call, ApiResult<Request> parsed, const char* id_prefix,
            std::unique_ptr<AnswerForm> (*form)(const AnswerHead&)) {
    if (!parsed) return respond_error(call, parsed.error());
    const HttpRequest& http = call.exchange->request();
    const auto speaker = find_speaker(http, call.agent, parsed->agent, parsed->session);
    if (!speaker) return respond_error(call, api_error(speaker.error()));
    const auto model = find_model(call.context, parsed->model);
    if (!model) return respond_error(call, model.error());
    TurnBridgeOptions options;
    options.model = *model;
    options.head = head_of(call, *parsed, id_prefix);
    options.agent = speaker->agent;
    options.protocol = call.protocol;
    options.stream = parsed->stream;
    options.notes = parsed->notes;
    options.headers = {{"x-kvasir-agent", speaker->agent},
                       {"x-kvasir-agent-source", to_string(speaker->source)}};
    if (call.protocol == Protocol::kAnthropic) options.headers.emplace_back("request-id", http.request_id);
    auto protocol_form = form(options.head);
    const auto bridge =
        std::make_shared<TurnBridge>(std::move(options), call.exchange, std::move(protocol_form));
    TurnRequest request = turn_request(call.context, std::move(*parsed), *speaker);
    request.idempotency_key = std::string(http.header("idempotency-key").value_or(""));
    request.request_id = http.request_id;
    bridge->submit(call.context, std::move(request));
}

ModelCard card_of(const ServerContext& context, const ModelStatus& model, const std::string& id) {
    ModelCard card{id, model.description, context.started_unix_ms / 1000, model.context_tokens};
    if (context.models.size() > 1) {
        card.state = to_string(model.state);
        card.aliases = model.spec.aliases;
    }
    return card;
}

// Clients of Anthropic's tell their protocol's version with every request.
bool wants_anthropic(const RouteCall& call) {
    return call.exchange->request().header("anthropic-version").has_value();
}

}  // namespace

void post_chat_completions(const RouteCall& call) {
    answer(call, parse_openai_chat(call.exchange->request().body), "chatcmpl-", openai_chat_form);
}

void post_completions(const RouteCall& call) {
    answer(call, parse_openai_completion(call.exchange->request().body), "cmpl-", openai_completion_form);
}

void post_messages(const RouteCall& call) {
    answer(call, parse_anthropic_messages(call.exchange->request().body), "msg_", anthropic_form);
}

void post_count_tokens(const RouteCall& call) {
    auto parsed = parse_anthropic_count_tokens(call.exchange->request().body);
    if (!parsed) return respond_error(call, parsed.error());
    const auto speaker = find_speaker(call.exchange->request(), call.agent, parsed->agent, parsed->session);
    if (!speaker) return respond_error(call, api_error(speaker.error()));
    const auto model = find_model(call.context, parsed->model);
    if (!model) return respond_error(call, model.error());
    on_model(call, *model, speaker->agent,
             [request = turn_request(call.context, std::move(*parsed), *speaker)](AgentMemory& memory,
                                                                                  const RouteCall& done) {
                 const auto count = memory.count_tokens(request);
                 if (!count) return respond_error(done, api_error(count.error()));
                 respond_json(done, 200, anthropic_token_count(*count));
             });
}

void get_models(const RouteCall& call) {
    std::vector<ModelCard> cards;
    for (const ModelStatus& model : call.context.scheduler.models())
        cards.push_back(card_of(call.context, model, model.spec.name));
    if (cards.size() == 1) cards.front().id = call.context.model_name;
    respond_json(call, 200, wants_anthropic(call) ? anthropic_models(cards) : openai_models(cards));
}

void get_model(const RouteCall& call) {
    // Any name means the one model that is served, as it does in a request for an answer.
    const auto found = find_model(call.context, call.item);
    if (!found) return respond_error(call, found.error());
    const auto models = call.context.scheduler.models();
    const auto index = static_cast<std::size_t>(found->value_or(ModelIndex{0}));
    const ModelCard card = card_of(call.context, models[index], call.item);
    respond_json(call, 200, wants_anthropic(call) ? anthropic_model(card) : openai_model(card));
}

}  // namespace kvasir
