#include "server/filling_bridge.h"

#include <utility>

#include <boost/json.hpp>

#include "server/memory_json.h"

namespace kvasir {

void FillingBridge::submit(TurnRequest request, std::optional<ModelIndex> model) {
    purpose_ = request.purpose;
    call_.agent = request.agent;
    const auto ticket = call_.context.scheduler.submit(std::move(request), shared_from_this(),
                                                       {call_.context.options.turn_timeout_ms, model});
    if (!ticket) return respond_error(call_, refused_by_queue(call_.context, ticket.error()));
    call_.exchange->on_close([ticket = *ticket] { ticket->cancel(); });
}

void FillingBridge::on_result(const Result<TurnResult>& result) {
    if (!result) return respond_error(call_, api_error(result.error()));
    if (purpose_ == TurnPurpose::kLoad)
        return respond_json(call_, 200, boost::json::serialize(to_json(loaded_by(*result))));
    on_engine_thread(call_, [created = *result](AgentMemory& memory, const RouteCall& call) {
        auto agent = memory.show(call.agent);
        if (!agent) return respond_error(call, api_error(agent.error()));
        respond_json(call, 201, boost::json::serialize(to_json(created_by(created, std::move(*agent)))));
    });
}

}  // namespace kvasir
