// AgentVerify on one engine: what EngineAgentMemory::begin_verify() gives. What is stored is brought back
// into a sequence of its own, whatever is resident, and the tokens are read into another one after it; what
// the model says after one more token is compared. The agent's own place is left alone, so that it may speak
// meanwhile. Engine thread.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "memory/agent_verify.h"
#include "memory/places.h"
#include "memory/turn_run.h"

namespace kvasir {

class VerifyRun final : public AgentVerify {
  public:
    // `cells_held` counts what it takes of the pool while it lives; the caller's, as `places`.
    VerifyRun(TurnContext context, PreparedTurn prepared, std::uint64_t& cells_held);
    ~VerifyRun() override;
    VerifyRun(const VerifyRun&) = delete;
    VerifyRun& operator=(const VerifyRun&) = delete;

    Status step() override;
    bool done() const override { return stage_ == Stage::kDone; }
    const VerifyReport& report() const override { return report_; }

  private:
    enum class Stage { kSave, kRestore, kReadRest, kReadCold, kDone };

    Status save_some();
    Status begin_restoring();
    Status restore_some();
    Status read_some();
    Status end_reading(std::size_t last_row);
    Status open_sequence();
    void close_sequence();
    void compare(const std::vector<float>& cold);

    TurnContext context_;
    PreparedTurn turn_;
    std::uint64_t& cells_held_;
    std::vector<Token> tokens_;  // stored ones, and one more whose logits are compared
    Stage stage_ = Stage::kSave;
    std::unique_ptr<SaveRun> save_;
    std::optional<ResidentAgent> scratch_;  // no place: nobody finds it
    std::unique_ptr<RestoreRun> restore_;
    std::vector<BatchRow> rows_;
    std::vector<float> restored_logits_;
    std::int64_t read_begin_us_ = 0;
    VerifyReport report_;
};

}  // namespace kvasir
