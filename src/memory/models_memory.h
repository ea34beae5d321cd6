// AgentMemory of a server with several models: what concerns one agent goes to the memory of its model, where
// that is loaded, else to what needs no model. Turns are each model's own: they are not begun here.
//
// Belongs to the engine thread, like the memories that are added to it; they are taken out before they go.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "memory/agent_memory.h"

namespace kvasir {

class ModelsMemory final : public AgentMemory {
  public:
    ModelsMemory(Store& store, const Clock& clock, MemoryOptions options);

    void add(std::string name, AgentMemory& memory, const Engine& engine);
    void remove(const AgentMemory& memory);
    const MemoryOptions& options() const { return options_; }  // of the memories that share its logs

    // Turns, and what else needs a certain model: kUnavailable.
    Result<CreateResult> create(const std::string& name, const std::string& type,
                                const std::string& system_prompt) override;
    Result<TurnResult> message(const std::string& name, const std::string& text,
                               const MessageOptions& options) override;
    Result<std::unique_ptr<TurnRun>> begin_turn(TurnRequest request, TurnSinks sinks) override;
    Result<std::unique_ptr<TurnRun>> begin_read_ahead(ReadAhead& wish) override;
    Status evaluate(std::span<const BatchRow> rows) override;
    Result<Position> count_tokens(const TurnRequest& request) override;
    Result<MatchReport> match(const TurnRequest& request) override;
    Result<LoadResult> load(const std::string& name) override;
    Result<std::unique_ptr<AgentVerify>> begin_verify(const std::string& name) override;
    Result<VerifyReport> verify(const std::string& name) override;
    std::uint64_t cells_held(const std::string&) const override { return 0; }

    std::vector<MatchReport> match_reports(const std::string& agent) const override;
    std::optional<MatchReport> match_report(const std::string& request_id) const override;
    bool is_busy(const std::string& name) const override;
    bool is_saving(const std::string& name) const override;
    Result<SaveResult> save(const std::string& name) override;
    Result<SaveResult> save_all() override;
    Result<SaveResult> evict(const std::string& name) override;
    Result<RestResult> rest() override;  // of every model that no turn keeps
    Result<EraseReceipt> remove(const std::string& name) override;
    Result<EraseReceipt> expire(const std::string& name) override;
    Result<AgentInfo> change(const std::string& name, const AgentChange& change) override;
    Result<std::optional<EraseReceipt>> expire_one(std::int64_t unused_since_unix_ms) override;
    Result<ForkResult> fork(const std::string& name, const std::string& new_name,
                            std::optional<std::uint32_t> at) override;
    Result<AgentInfo> set_when_full(const std::string& name, WhenFull when_full) override;
    Result<RollbackResult> roll_back(const std::string& name, std::uint32_t to) override;
    Result<std::vector<AgentInfo>> list() override;
    Result<AgentInfo> show(const std::string& name) override;
    Result<AgentCache> cache(const std::string& name) override;
    Result<std::vector<TurnRecord>> turns(const std::string& name) override;
    Result<std::optional<ResponseTurn>> response_turn(const std::string& id) override;
    ResponseCatalog& responses() override { return store_.catalog(); }
    // models_transfers.cpp
    Result<std::unique_ptr<AgentExport>> begin_export(const std::string& name) override;
    std::unique_ptr<AgentImport> begin_import(ImportRequest request) override;
    Result<std::vector<std::string>> names_by_heat() override;  // of loaded models
    Result<RewarmCandidate> rewarm_candidate(const std::string& name) override;
    Status end_rewarm(const RewarmCandidate& candidate) override;
    const KvRates& rates() const override;
    Result<KvRates> measure_rates() override;
    MemoryUsage memory_usage() const override;
    std::vector<std::string> resident() const override;
    Store& store() override { return store_; }

  private:
    struct Loaded {
        std::string name;
        AgentMemory* memory;
        const Engine* engine;
    };

    Result<AgentMemory*> loaded_memory_of(const std::string& agent);  // kUnavailable: it is not
    // Of the agent's model; null: it is not loaded.
    Result<AgentMemory*> memory_of(const std::string& agent);
    AgentMemory* memory_of(const AgentRecord& record) const;
    Result<SaveResult> stored_durability(const std::string& name);
    Result<EraseReceipt> erase(const std::string& name, MemoryEventKind kind);
    void tell(MemoryEventKind kind, const std::string& agent, std::uint64_t tokens, std::string detail) const;

    Store& store_;
    const Clock& clock_;
    MemoryOptions options_;
    std::vector<Loaded> loaded_;
};

}  // namespace kvasir
