// Several models on one engine thread: each that is loaded has a memory and a loop of its own, and the loops
// take turns. Who asks for a model that is not loaded waits until it is, within bounds. When there is no
// room, another one leaves: its turns are finished, everything of it is saved, then its memory is given back.
//   swapping_models.cpp: who asks for which model, rounds     model_swaps.cpp: loading, leaving
//
// Engine thread; stats() and models() any.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "memory/models_memory.h"
#include "sched/engine_work.h"
#include "sched/model_loader.h"

namespace kvasir {

// One of the models, loaded or not.
struct ModelSlot {
    struct Turn {
        WaitingTurn turn;
        std::int64_t since_us = 0;
    };
    struct Task {
        WaitingTask task;
        std::int64_t since_us = 0;
    };

    ModelSpec spec;
    ModelState state = ModelState::kUnloaded;
    std::optional<Digest256> model_id;  // known when it was loaded once
    std::unique_ptr<Engine> engine;     // with the next two: while it is loaded or leaving
    std::unique_ptr<AgentMemory> memory;
    std::unique_ptr<EngineLoop> loop;
    std::list<Turn> turns;  // that wait for it
    std::list<Task> tasks;
    std::optional<std::int64_t> wanted_since_us;
    std::shared_ptr<const char> users = std::make_shared<const char>();  // whoever uses it for long has one
    std::uint64_t bytes = 0;  // that it takes of the memory of all while it is loaded, at rest or not
    std::int64_t loaded_at_us = 0;
    std::int64_t used_at_us = 0;
    std::int64_t retry_at_us = 0;  // it failed: not before
    std::int64_t leave_at_us = 0;  // it could not leave: not before
    std::uint32_t failures = 0;    // in a row
    SchedulerStats past;           // of its loops that are gone
    ModelStatus status;

    bool has_loop() const { return loop != nullptr; }
    // Nobody runs, waits or works on it; with a loop.
    bool is_unused() const { return loop->idle() && users.use_count() == 1; }
    bool is_awaited() const { return !turns.empty() || !tasks.empty(); }
};

class SwappingModels final : public EngineWork {
  public:
    SwappingModels(const SchedulerOptions& options, const ModelsOptions& models, const MemoryOptions& memory,
                   Store& store, const Clock& clock, std::function<void()> wake);

    void add(WaitingTurn turn) override;
    void add(WaitingTask task) override;
    AgentMemory& memory() override { return memory_; }
    void round() override;
    void yield() override;
    bool idle() const override;
    WorkState state() const override;
    std::size_t waiting() const override;
    std::optional<std::int64_t> due_us() const override;
    void cancel_all() override;
    SchedulerStats stats() const override;
    std::vector<ModelStatus> models() const override;

  private:
    // Whose turn it is. kNotFound, or kModelUnusable: it belongs to none of them.
    Result<ModelSlot*> slot_of(const ModelWish& wish, bool may_be_new);
    Result<ModelSlot*> slot_of_agent(const AgentRecord& record);
    Result<ModelSlot*> slot_of_file(const ModelOfFile& file);
    ModelSlot* find_slot(const Digest256& model_id, const std::string& path);
    void want(ModelSlot& slot);
    bool refuses(const ModelSlot& slot) const;
    Error not_now(const ModelSlot& slot) const;
    void refuse(ModelSlot& slot, const WaitingTurn& turn, Error error);
    void refuse_all(ModelSlot& slot, const Error& error);
    void expire(ModelSlot& slot);
    void hand_over(ModelSlot& slot);
    void publish();
    void work_where_nobody_waits();

    void settle(LoadOutcome outcome);
    Status install(ModelSlot& slot, LoadOutcome& outcome);
    void note_failure(ModelSlot& slot, const Error& error);
    void load_next();
    void load(ModelSlot& slot);
    void make_room();
    ModelSlot* who_may_leave();
    void begin_leaving(ModelSlot& slot);
    void stay(ModelSlot& slot);
    void finish_leaving();
    Status unload(ModelSlot& slot);
    void unload_unused();
    std::uint64_t taken_bytes() const;
    std::uint32_t loaded_count() const;

    const SchedulerOptions options_;
    const ModelsOptions models_;
    const Clock& clock_;
    Store& store_;
    bool ending_ = false;        // nobody is taken any more
    bool memory_asked_ = false;  // the system is short of it
    ModelsMemory memory_;
    std::vector<ModelSlot> slots_;
    ModelSlot* room_for_ = nullptr;  // somebody leaves, or must, for it
    std::vector<ModelSlot*> left_;   // have left for it
    mutable std::mutex mutex_;       // guards what follows
    std::vector<ModelStatus> published_;
    ModelLoader loader_;  // ends first
};

}  // namespace kvasir
