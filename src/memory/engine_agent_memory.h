// AgentMemory on one engine and one store: what AgentMemory::open() gives. See agent_memory.h for the
// contract.
//
// Nothing here is remembered that the catalog does not know, but what is resident: every call reads the agent
// anew.
//   agent_memory.cpp: opening, listing, saving     upkeep.cpp: changing, removing     filling.cpp: creating,
//   loading     forking.cpp: forks, going back     transfers.cpp: export, import     rewarming.cpp: what is
//   to be read again     read_ahead.cpp: what is to be read next     turn.cpp: from a request to a turn
//   sent_history.cpp: what of it is known     turn_run.h: its way     places.h: residency of KV
#pragma once

#include <string>
#include <vector>

#include "memory/agent_memory.h"
#include "memory/match_report.h"
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
    Result<std::unique_ptr<AgentVerify>> begin_verify(const std::string& name) override;
    Result<VerifyReport> verify(const std::string& name) override;
    std::uint64_t cells_held(const std::string& beside) const override {
        return verify_cells_ + places_.cells_written(beside);
    }
    Result<EraseReceipt> remove(const std::string& name) override;
    Result<EraseReceipt> expire(const std::string& name) override;
    Result<AgentInfo> change(const std::string& name, const AgentChange& change) override;
    Result<std::optional<EraseReceipt>> expire_one(std::int64_t unused_since_unix_ms) override;
    Result<ForkResult> fork(const std::string& name, const std::string& new_name,
                            std::optional<std::uint32_t> at) override;
    Result<AgentInfo> set_when_full(const std::string& name, WhenFull when_full) override;
    Result<RollbackResult> roll_back(const std::string& name, std::uint32_t to) override;
    Result<std::unique_ptr<AgentExport>> begin_export(const std::string& name) override;
    std::unique_ptr<AgentImport> begin_import(ImportRequest request) override;
    Result<std::vector<AgentInfo>> list() override;
    Result<AgentInfo> show(const std::string& name) override;
    Result<AgentCache> cache(const std::string& name) override;
    Result<std::vector<TurnRecord>> turns(const std::string& name) override;
    Result<std::optional<ResponseTurn>> response_turn(const std::string& id) override;
    ResponseCatalog& responses() override { return context_.store.catalog(); }
    MemoryUsage memory_usage() const override;
    Result<std::vector<std::string>> names_by_heat() override;
    Result<RewarmCandidate> rewarm_candidate(const std::string& name) override;
    Status end_rewarm(const RewarmCandidate& candidate) override;
    const KvRates& rates() const override { return places_.rates(); }
    Result<KvRates> measure_rates() override;
    std::vector<std::string> resident() const override { return places_.residency().names(); }
    Store& store() override { return context_.store; }
    Result<std::unique_ptr<TurnRun>> begin_turn(TurnRequest request, TurnSinks sinks) override;
    Result<std::unique_ptr<TurnRun>> begin_read_ahead(ReadAhead& wish) override;
    Status evaluate(std::span<const BatchRow> rows) override;
    Result<Position> count_tokens(const TurnRequest& request) override;
    Result<MatchReport> match(const TurnRequest& request) override;
    std::vector<MatchReport> match_reports(const std::string& agent) const override {
        return logs_.matches->of(agent);
    }
    std::optional<MatchReport> match_report(const std::string& request_id) const override {
        return logs_.matches->find(request_id);
    }
    bool is_busy(const std::string& name) const override;
    bool is_saving(const std::string& name) const override { return places_.is_saving(name); }

  private:
    Status check_model(const AgentRecord& record) const;
    Status turn_to_twin(TurnRequest& request) const;
    Status check_idle(const std::string& name);
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
    Result<Conversation> raw_conversation(const AgentRecord& record);
    // The conversation, what is new of it, and its tokens.
    Status add_prompt(const AgentRecord& record, const TurnRequest& request, PreparedTurn& turn);
    struct SentHistory {
        Conversation conversation;
        std::size_t known = 0;  // messages of the request that are part of it
        MatchedBy by = MatchedBy::kNothing;
        std::optional<MatchDifference> difference;
    };
    // Nothing when not even its beginning is known.
    Result<std::optional<SentHistory>> find_history(const AgentRecord& record, const TurnRequest& request);
    Result<SentHistory> sent_history(const AgentRecord& record, const TurnRequest& request);
    struct DryMatch {
        SentHistory history;
        Prompt prompt;
    };
    Result<DryMatch> dry_match(const TurnRequest& request);
    MatchReport report_of(const TurnRequest& request, const SentHistory& history, const Prompt& prompt) const;
    Result<WhenFull> when_full_for(const AgentRecord& record, std::optional<WhenFull> asked) const;
    // Leaves the oldest turns out when they do not fit and the agent is set so.
    Status fit_context(const AgentRecord& record, const TurnRequest& request, PreparedTurn& turn) const;
    // That many tokens fit into the context and into all cells.
    Status check_fits(const Conversation& conversation, Position size) const;
    // And into those that others have not reserved. kUnavailable: not now.
    static Status check_cells_left(const TurnRequest& request, std::uint64_t cells);
    Result<std::uint32_t> answer_room(const Conversation& conversation, const Prompt& prompt,
                                      std::uint32_t answer_tokens_max) const;

    KvContext context_;
    const Clock& clock_;
    std::string fingerprint_changes_;
    MemoryLogs logs_;
    Places places_;
    std::uint64_t verify_cells_ = 0;  // of what is verified just now; 0: nothing is
};

}  // namespace kvasir
