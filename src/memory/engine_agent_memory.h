// AgentMemory on one engine and one store: what AgentMemory::open() gives. See agent_memory.h for the
// contract.
//
// Nothing here is remembered that the catalog does not know, but what is resident: every call reads the agent
// anew.
//   agent_memory.cpp: opening, listing, saving     upkeep.cpp: changing, removing     filling.cpp: creating,
//   loading     forking.cpp: forks, going back     turn.cpp: from a request to a turn     turn_run.h: its way
//   places.h: residency of KV
#pragma once

#include <string>
#include <vector>

#include "memory/agent_memory.h"
#include "memory/places.h"
#include "memory/prompt.h"
#include "memory/turn_run.h"

namespace kvasir {

class EngineAgentMemory final : public AgentMemory {
  public:
    // fingerprint_changes: how the KV of the last run differs from this engine's, "" when it does not.
    EngineAgentMemory(KvContext context, const Clock& clock, const MemoryOptions& options,
                      std::string fingerprint_changes);

    Result<CreateResult> create(const std::string& name, const std::string& type,
                                const std::string& system_prompt) override;
    Result<TurnResult> message(const std::string& name, const std::string& text,
                               const MessageOptions& options) override;
    Result<SaveResult> save(const std::string& name) override;
    Result<SaveResult> save_all() override;
    Result<LoadResult> load(const std::string& name) override;
    Result<SaveResult> evict(const std::string& name) override;
    Result<RestResult> rest() override;
    Result<EraseReceipt> remove(const std::string& name) override;
    Result<AgentInfo> change(const std::string& name, const AgentChange& change) override;
    Result<std::optional<EraseReceipt>> expire_one(std::int64_t unused_since_unix_ms) override;
    Result<ForkResult> fork(const std::string& name, const std::string& new_name,
                            std::optional<std::uint32_t> at) override;
    Result<RollbackResult> roll_back(const std::string& name, std::uint32_t to) override;
    Result<std::vector<AgentInfo>> list() override;
    Result<AgentInfo> show(const std::string& name) override;
    Result<AgentCache> cache(const std::string& name) override;
    Result<std::vector<TurnRecord>> turns(const std::string& name) override;
    MemoryUsage memory_usage() const override;
    std::vector<std::string> resident() const override { return places_.residency().names(); }
    Result<std::unique_ptr<TurnRun>> begin_turn(TurnRequest request, TurnSinks sinks) override;
    Status evaluate(std::span<const BatchRow> rows) override;
    Result<Position> count_tokens(const TurnRequest& request) override;
    bool is_busy(const std::string& name) const override;

  private:
    Status check_model(const AgentRecord& record) const;
    Status check_idle(const std::string& name) const;
    Result<Conversation> head_conversation(const AgentRecord& record);
    Result<AgentRecord> store_new_agent(const TurnRequest& request, const std::string& system_prompt,
                                        const Opening& opening);
    Result<AgentInfo> describe(const AgentRecord& record);
    Result<EraseReceipt> erase(const std::string& name, MemoryEventKind kind);
    std::uint64_t memory_bytes(const ResidentAgent& agent) const;
    void undo_creation(const std::string& name);
    Result<std::unique_ptr<TurnRun>> begin_creation(TurnRequest request, TurnSinks sinks);
    Result<std::unique_ptr<TurnRun>> begin_loading(TurnRequest request, TurnSinks sinks);
    Result<PreparedTurn> prepare_filling(const AgentRecord& record, TurnRequest request);
    Result<TurnResult> run_alone(TurnRequest request, TurnSinks sinks);
    SaveResult stored_durability(const AgentRecord& record);

    Result<PreparedTurn> prepare(TurnRequest request);
    Result<AgentRecord> record_of(const TurnRequest& request);
    // What of a conversation that was sent whole is known, and the messages that are not.
    Result<Conversation> raw_conversation(const AgentRecord& record);
    // The conversation, what is new of it, and its tokens.
    Status add_prompt(const AgentRecord& record, const TurnRequest& request, PreparedTurn& turn);
    Result<Conversation> sent_conversation(const AgentRecord& record, const TurnRequest& request,
                                           std::vector<ChatMessage>& added);
    // That many tokens fit into the context and into all cells.
    Status check_fits(const Conversation& conversation, Position size) const;
    // And into those that others have not reserved. kUnavailable: not now.
    static Status check_cells_left(const TurnRequest& request, std::uint64_t cells);
    Result<std::uint32_t> answer_room(const Conversation& conversation, const Prompt& prompt,
                                      std::uint32_t answer_tokens_max) const;

    KvContext context_;
    const Clock& clock_;
    std::string fingerprint_changes_;
    Places places_;
};

}  // namespace kvasir
