#include "server/server_context.h"

#include "server/retry_after.h"

namespace kvasir {

HttpResponse error_response(Protocol protocol, const ApiError& error, std::string_view request_id) {
    HttpResponse response;
    response.status = error.http_status;
    response.headers = error.headers;
    switch (protocol) {
        case Protocol::kOpenAi:
            response.body = openai_error_body(error);
            break;
        case Protocol::kAnthropic:
            response.body = anthropic_error_body(error, request_id);
            // Where its SDKs look for it.
            if (!request_id.empty()) response.headers.emplace_back("request-id", std::string(request_id));
            break;
        case Protocol::kKvasir:
            response.body = kvasir_error_body(error);
            break;
    }
    return response;
}

void respond_error(const RouteCall& call, const ApiError& error) {
    call.exchange->respond(error_response(call.protocol, with_retry_after(call.context, error),
                                          call.exchange->request().request_id));
}

void respond_json(const RouteCall& call, int status, std::string body) {
    HttpResponse response;
    response.status = status;
    response.body = std::move(body);
    call.exchange->respond(std::move(response));
}

ApiError refused_by_queue(const ServerContext& context, const Error& error) {
    const bool full = error.code == ErrorCode::kUnavailable && !context.draining.load();
    return full ? too_many_requests(error.message, kRetryAfterMinS) : api_error(error);
}

void on_engine_thread(const RouteCall& call, std::function<void(AgentMemory&, const RouteCall&)> task) {
    const Status queued = call.context.scheduler.run(
        [call, task = std::move(task)](AgentMemory& memory) { task(memory, call); });
    if (!queued) respond_error(call, api_error(queued.error()));
}

void when_saved(const RouteCall& call, std::function<void(AgentMemory&, const RouteCall&)> task) {
    on_engine_thread(call, [task = std::move(task)](AgentMemory& memory, const RouteCall& done) {
        if (memory.is_saving(done.agent)) return when_saved(done, task);
        task(memory, done);
    });
}

void on_model(const RouteCall& call, std::optional<ModelIndex> model, const std::string& agent,
              std::function<void(AgentMemory&, const RouteCall&)> task) {
    const Status queued = call.context.scheduler.run_on(
        {model, agent}, [call, task = std::move(task)](const Result<ModelUse>& use) {
            if (!use) return respond_error(call, api_error(use.error()));
            task(*use->memory, call);
        });
    if (!queued) respond_error(call, api_error(queued.error()));
}

}  // namespace kvasir
