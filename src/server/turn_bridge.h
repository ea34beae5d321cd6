// Between a turn of the scheduler and the client that waits for it: pieces become events, the client's going
// away cancels the turn.
//
// Shared by the scheduler (calls on the engine thread, in turn) and the exchange (its close callback, any
// thread).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "http/http.h"
#include "sched/scheduler.h"
#include "server/answer_form.h"
#include "server/routes.h"
#include "server/server_context.h"

namespace kvasir {

struct TurnBridgeOptions {
    AnswerHead head;
    std::string agent;
    Protocol protocol = Protocol::kOpenAi;
    StreamMode stream = StreamMode::kWhole;
    std::vector<std::string> notes;
    HttpHeaders headers;                             // of the response
    std::optional<ModelIndex> model = std::nullopt;  // nullopt: the agent's own
};

class TurnBridge final : public TurnListener, public std::enable_shared_from_this<TurnBridge> {
  public:
    TurnBridge(TurnBridgeOptions options, std::shared_ptr<HttpExchange> exchange,
               std::shared_ptr<AnswerForm> form)
        : options_(std::move(options)), exchange_(std::move(exchange)), form_(std::move(form)) {}

    // Hands the turn to the scheduler; refusals are answered at once, and null is returned.
    std::shared_ptr<TurnTicket> submit(const ServerContext& context, TurnRequest request);

    void on_prompt(const TurnMetrics& metrics) override;
    void on_progress(TurnPhase phase, Position done, Position total) override;
    void on_piece(const AnswerPiece& piece) override;
    void on_result(const Result<TurnResult>& result) override;

  private:
    void push(const std::string& events);
    void fail_with(const ApiError& error);
    HttpHeaders memory_headers(const TurnMetrics& metrics) const;

    TurnBridgeOptions options_;
    std::shared_ptr<HttpExchange> exchange_;
    std::shared_ptr<AnswerForm> form_;
    TurnMetrics metrics_;
    std::vector<AnswerLogprob> logprobs_;  // of an answer that is told whole
    bool begun_ = false;
    const ServerContext* context_ = nullptr;  // of the submission
};

}  // namespace kvasir
