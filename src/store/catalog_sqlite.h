// The catalog in SQLite: what is behind Catalog::open(). Store uses the few functions that the interface does
// not show.
//
// One thread at a time. Every public function is one transaction; after an I/O error the connection is
// closed, opened anew and checked before the next one. While that fails, every call tries again and reports
// why it could not.
//   catalog.cpp: opening, settings, fingerprints, pending removals     catalog_agents.cpp: agents, erasure
//   catalog_changes.cpp: names, pins, expiry
//   catalog_fork.cpp: copies, going back catalog_turns.cpp: turns and tokens     catalog_blocks.cpp: blocks
//   catalog_references.cpp: who needs which block catalog_check.cpp: invariants     catalog_responses.cpp:
//   responses, conversations
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "store/catalog.h"
#include "store/sqlite.h"

namespace kvasir {

struct BlockFileName {
    BlockKind kind = BlockKind::kAppend;
    BlockName name;
};

class SqliteCatalog final : public Catalog {
  public:
    static Result<std::unique_ptr<SqliteCatalog>> open_file(const std::string& path, const std::string& vfs);

    const Digest256& tenant_salt() const override { return tenant_salt_; }
    Result<std::optional<std::string>> setting(const std::string& key) override;
    Status set_setting(const std::string& key, const std::string& value) override;
    Status remember_fingerprint(const Digest256& digest, const Digest256& model_id,
                                const std::string& text) override;
    Result<std::optional<std::string>> fingerprint_text(const Digest256& model_id) override;

    Result<AgentRecord> create_agent(const NewAgent& agent, std::int64_t now_unix_ms) override;
    Result<AgentRecord> agent(const std::string& name) override;
    Result<std::vector<AgentRecord>> agents() override;
    Result<AgentRecord> change_agent(const std::string& name, const AgentChange& change) override;
    Result<std::vector<std::string>> unused_sessions(std::int64_t since_unix_ms) override;
    Status touch_agent(AgentId agent, std::int64_t now_unix_ms) override;
    Result<AgentRecord> fork_agent(const NewFork& fork, std::int64_t now_unix_ms) override;
    Result<AgentRecord> go_back(const std::string& name, std::uint32_t turn,
                                std::int64_t now_unix_ms) override;
    Result<std::string> agent_option(AgentId agent, const std::string& name) override;
    Status set_agent_option(AgentId agent, const std::string& name, const std::string& value) override;
    Result<ErasedBlocks> erase_agent(AgentId agent) override;

    Result<TurnRecord> commit_turn(const NewTurn& turn, std::int64_t now_unix_ms) override;
    Result<TurnRecord> add_root(const NewRoot& root, std::int64_t now_unix_ms) override;
    Result<std::vector<TurnRecord>> turns(AgentId agent) override;
    Result<std::vector<TurnRecord>> path_to(TurnId turn) override;
    Result<std::optional<TurnId>> find_turn(AgentId agent, const Digest256& conversation_key) override;
    Result<std::vector<TurnRecord>> turns_after(AgentId agent, std::optional<TurnId> parent,
                                                std::uint32_t most) override;
    Result<std::optional<TurnId>> find_idempotent(AgentId agent, const std::string& key) override;
    Result<std::vector<Token>> tokens(AgentId agent) override;

    Result<std::optional<StoredResponse>> response(const std::string& id) override;
    Status erase_response(const std::string& id) override;
    Status add_conversation(const StoredConversation& conversation,
                            const std::vector<ConversationItem>& items) override;
    Result<std::optional<StoredConversation>> conversation(const std::string& id) override;
    Status set_conversation_record(const std::string& id, const std::string& record) override;
    Status erase_conversation(const std::string& id) override;
    Status add_conversation_items(const std::string& id, const std::vector<ConversationItem>& items) override;
    Result<std::vector<ConversationItem>> conversation_items(const std::string& id) override;
    Status erase_conversation_item(const std::string& id, const std::string& item) override;

    Status add_block(const StoredBlock& block, const Digest256& fingerprint,
                     std::int64_t now_unix_ms) override;
    Result<std::optional<StoredBlock>> block(BlockKind kind, const BlockName& name) override;
    Result<std::vector<StoredBlock>> children(const std::optional<BlockName>& parent,
                                              const Digest256& fingerprint) override;
    Result<std::vector<StoredBlock>> windows_ending_at(const BlockName& end_name) override;
    Status drop_block(BlockKind kind, const BlockName& name) override;
    Result<std::vector<StoredBlock>> set_references(AgentId agent, BranchId branch,
                                                    std::span<const StoredBlock> new_blocks,
                                                    const Digest256& fingerprint,
                                                    std::span<const BlockName> references,
                                                    std::int64_t now_unix_ms) override;
    Result<std::vector<StoredBlock>> referenced_blocks(AgentId agent) override;
    Result<std::vector<StoredBlock>> branch_blocks(AgentId agent, BranchId branch) override;
    Result<std::vector<Position>> restore_positions(AgentId agent, const Digest256& fingerprint,
                                                    Position position_max) override;
    Result<CatalogTotals> totals() override;
    Status check() override;

    // Files whose rows are gone: the process may have died before it removed them. Not those that have a row
    // again.
    Result<std::vector<BlockFileName>> pending_removals();
    Status clear_pending_removals();

  private:
    enum class Opening { kFirst, kAfterFailure };

    SqliteCatalog(std::string path, std::string vfs) : path_(std::move(path)), vfs_(std::move(vfs)) {}
    Status connect(Opening opening);
    Status ensure_connected();
    void recover();
    Status truncate_log();

    // Runs `operation(connection)` in a transaction of its own and commits it if it returned a value.
    template <class Operation>
    std::invoke_result_t<Operation, SqliteConnection&> transact(Operation&& operation) {
        KVASIR_TRY(ensure_connected());
        auto result = attempt(operation);
        if (!result) recover();
        return result;
    }
    template <class Operation>
    std::invoke_result_t<Operation, SqliteConnection&> attempt(Operation& operation) {
        KVASIR_TRY_ASSIGN(auto transaction, SqliteTransaction::begin(*connection_));
        auto result = operation(*connection_);
        if (!result) return result;
        KVASIR_TRY(transaction->commit());
        return result;
    }
    // Runs `operation(connection)` that only reads.
    template <class Operation>
    std::invoke_result_t<Operation, SqliteConnection&> read(Operation&& operation) {
        KVASIR_TRY(ensure_connected());
        auto result = operation(*connection_);
        if (!result) recover();
        return result;
    }

    std::string path_;
    std::string vfs_;
    std::unique_ptr<SqliteConnection> connection_;  // null after a failure that reopening did not cure
    Digest256 tenant_salt_;
};

}  // namespace kvasir
