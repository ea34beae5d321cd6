// An agent's stored state against a cold reading of its tokens, on this machine, now: who may ask, and when.
#include <utility>

#include "base/names.h"
#include "memory/engine_agent_memory.h"
#include "memory/verify_run.h"

namespace kvasir {

Result<std::unique_ptr<AgentVerify>> EngineAgentMemory::begin_verify(const std::string& name) {
    KVASIR_TRY_ASSIGN(const AgentRecord record, context_.store.catalog().agent(name));
    KVASIR_TRY(check_idle(name));
    if (verify_cells_ > 0)
        return fail(ErrorCode::kUnavailable, "another agent is being verified: try again later");
    TurnRequest request;
    request.agent = name;
    // What running turns may come to hold is theirs.
    const std::uint64_t cells = context_.engine.cells().append_total;
    const std::uint64_t promised = places_.cells_promised();
    request.cells_max = cells - std::min(cells, promised);
    KVASIR_TRY_ASSIGN(PreparedTurn turn, prepare_filling(record, std::move(request)));
    if (turn.conversation.tokens.empty())
        return fail(ErrorCode::kInvalidArgument,
                    printable(name) + " has no tokens yet: there is nothing to verify");
    return std::make_unique<VerifyRun>(TurnContext{context_, clock_, places_}, std::move(turn),
                                       verify_cells_);
}

Result<VerifyReport> EngineAgentMemory::verify(const std::string& name) {
    KVASIR_TRY_ASSIGN(const auto run, begin_verify(name));
    while (!run->done()) KVASIR_TRY(run->step());
    return run->report();
}

}  // namespace kvasir
