// Between the client that creates or loads an agent and the scheduler, which reads what it must beside the
// turns of others. The answer is sent when it is read and saved; the client's going away cancels it.
//
// Shared by the scheduler (calls on the engine thread) and the exchange (its close callback, any thread).
#pragma once

#include <memory>
#include <optional>

#include "sched/scheduler.h"
#include "server/server_context.h"

namespace kvasir {

class FillingBridge final : public TurnListener, public std::enable_shared_from_this<FillingBridge> {
  public:
    explicit FillingBridge(RouteCall call) : call_(std::move(call)) {}

    // kCreate or kLoad.
    void submit(TurnRequest request, std::optional<ModelIndex> model = std::nullopt);

    void on_piece(const AnswerPiece& /*piece*/) override {}
    void on_result(const Result<TurnResult>& result) override;

  private:
    RouteCall call_;
    TurnPurpose purpose_ = TurnPurpose::kLoad;
};

}  // namespace kvasir
