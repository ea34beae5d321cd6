// One model that is given, and what all kinds of work share.
#include <algorithm>
#include <utility>

#include "sched/engine_work.h"

namespace kvasir {

namespace {

class FixedModel final : public EngineWork {
  public:
    FixedModel(const SchedulerOptions& options, AgentMemory& memory, const Engine& engine, const Clock& clock)
        : memory_(memory), engine_(engine), loop_(options, memory, engine, clock) {}

    void add(WaitingTurn turn) override { loop_.add(std::move(turn)); }
    void add(WaitingTask task) override { task.task(ModelUse{&memory_}); }
    AgentMemory& memory() override { return memory_; }
    void round() override {
        loop_.round();
        if (loop_.idle()) loop_.idle_step();
    }
    void yield() override { loop_.pause_idle_work(); }
    bool idle() const override { return loop_.idle(); }
    WorkState state() const override {
        if (loop_.idle()) return loop_.has_idle_work() ? WorkState::kRunning : WorkState::kIdle;
        return loop_.active() == 0 ? WorkState::kPending : WorkState::kRunning;
    }
    std::size_t waiting() const override { return loop_.waiting(); }
    void cancel_all() override { loop_.cancel_all(); }
    SchedulerStats stats() const override { return loop_.stats(); }
    std::vector<ModelStatus> models() const override {
        const ModelInfo& model = engine_.model();
        ModelStatus status;
        status.spec = {model.name, {}, model.path};
        status.state = ModelState::kLoaded;
        status.description = model.description;
        status.context_tokens = model.context_tokens;
        status.loads = 1;
        status.stats = loop_.stats();
        return {status};
    }

  private:
    AgentMemory& memory_;
    const Engine& engine_;
    EngineLoop loop_;
};

}  // namespace

const char* to_string(ModelState state) {
    switch (state) {
        case ModelState::kUnloaded:
            return "unloaded";
        case ModelState::kLoading:
            return "loading";
        case ModelState::kLoaded:
            return "loaded";
        case ModelState::kLeaving:
            return "leaving";
    }
    return "unloaded";
}

void add(SchedulerStats& sum, const SchedulerStats& one) {
    sum.turns_waiting += one.turns_waiting;
    sum.turns_active += one.turns_active;
    sum.turns_done += one.turns_done;
    sum.turns_failed += one.turns_failed;
    sum.turns_undurable += one.turns_undurable;
    sum.turns_refused += one.turns_refused;
    sum.steps += one.steps;
    sum.prompt_tokens += one.prompt_tokens;
    sum.reused_tokens += one.reused_tokens;
    sum.evaluated_tokens += one.evaluated_tokens;
    sum.answer_tokens += one.answer_tokens;
    if (one.step_ms_last > 0) sum.step_ms_last = one.step_ms_last;
    sum.turn_ms_mean = std::max(sum.turn_ms_mean, one.turn_ms_mean);
    sum.turns_active_max = std::max(sum.turns_active_max, one.turns_active_max);
    sum.read_aheads_waiting += one.read_aheads_waiting;
    sum.read_aheads_done += one.read_aheads_done;
    sum.read_ahead_tokens += one.read_ahead_tokens;
}

std::unique_ptr<EngineWork> fixed_model(const SchedulerOptions& options, AgentMemory& memory,
                                        const Engine& engine, const Clock& clock) {
    return std::make_unique<FixedModel>(options, memory, engine, clock);
}

}  // namespace kvasir
