#include "server/turn_bridge.h"

#include <utility>

#include <fmt/format.h>

#include "server/retry_after.h"

namespace kvasir {

std::shared_ptr<TurnTicket> TurnBridge::submit(const ServerContext& context, TurnRequest request) {
    context_ = &context;
    // Who has heard an answer is told that it is not remembered; who has not is told of the error instead.
    if (options_.stream == StreamMode::kStream && !context.options.strict_durability)
        request.undurable = UndurableAnswer::kDelivered;
    const auto ticket = context.scheduler.submit(std::move(request), shared_from_this(),
                                                 {context.options.turn_timeout_ms, options_.model});
    if (!ticket) {
        fail_with(refused_by_queue(context, ticket.error()));
        return nullptr;
    }
    exchange_->on_close([ticket = *ticket] { ticket->cancel(); });
    return *ticket;
}

HttpHeaders TurnBridge::memory_headers(const TurnMetrics& metrics) const {
    HttpHeaders headers = options_.headers;
    for (auto& [name, value] : headers) {
        if (name == "x-kvasir-agent" && !metrics.agent.empty()) value = metrics.agent;
    }
    headers.emplace_back("x-kvasir-prompt-tokens", std::to_string(metrics.prompt_tokens));
    headers.emplace_back("x-kvasir-cached-tokens", std::to_string(metrics.reused_tokens));
    headers.emplace_back("x-kvasir-source", to_string(metrics.source));
    headers.emplace_back("x-kvasir-restore-ms", fmt::format("{:.1f}", metrics.restore_ms));
    if (!metrics.not_reused_reason.empty())
        headers.emplace_back("x-kvasir-not-reused", metrics.not_reused_reason);
    return headers;
}

void TurnBridge::push(const std::string& events) {
    // A client that has gone cancels its turn by the close callback.
    if (!events.empty()) exchange_->push(events);
}

void TurnBridge::on_prompt(const TurnMetrics& metrics) {
    metrics_ = metrics;
    if (options_.stream == StreamMode::kWhole) return;
    HttpHeaders headers = memory_headers(metrics);
    headers.emplace_back("cache-control", "no-store");
    if (std::string ping = form_->keep_alive(); !ping.empty()) exchange_->keep_alive_with(std::move(ping));
    exchange_->begin_stream(200, "text/event-stream", headers);
    begun_ = true;
    push(form_->begin(usage_of(metrics)));
}

void TurnBridge::on_progress(TurnPhase phase, Position done, Position total) {
    if (begun_) push(form_->progress(phase, done, total));
}

void TurnBridge::on_piece(const AnswerPiece& piece) {
    AnswerDelta delta = delta_of(piece);
    if (begun_) return push(form_->delta(delta));
    std::move(delta.logprobs.begin(), delta.logprobs.end(), std::back_inserter(logprobs_));
}

void TurnBridge::fail_with(const ApiError& error) {
    if (!begun_)
        return exchange_->respond(error_response(options_.protocol, with_retry_after(*context_, error),
                                                 exchange_->request().request_id));
    push(form_->error(error));
    exchange_->finish();
}

void TurnBridge::on_result(const Result<TurnResult>& result) {
    if (!result) return fail_with(api_error(result.error()));
    ChatAnswer answer = answer_of(options_.head, *result, options_.agent);
    answer.memory.notes = options_.notes;
    if (result->metrics.turns_dropped > 0) answer.memory.notes.push_back(result->warning);
    form_->note_turn(*result);
    if (begun_) {
        push(form_->finish(answer));
        exchange_->finish();
        return;
    }
    answer.logprobs = std::move(logprobs_);
    HttpResponse response;
    response.headers = memory_headers(result->metrics);
    response.body = form_->whole(answer);
    exchange_->respond(std::move(response));
}

}  // namespace kvasir
