// The catalog in SQLite: what is behind Catalog::open(). Store uses the few functions that the interface does
// not show.
//
// One thread at a time. Every public function is one transaction; after an I/O error the connection is
// closed, opened anew and checked before the next one. While that fails, every call tries again and reports
// why it could not.
//   catalog.cpp: opening, settings, fingerprints, pending removals     catalog_agents.cpp: agents, erasure
//   catalog_changes.cpp: names, pins, expiry
//   catalog_fork.cpp: copies, going back catalog_turns.cpp: turns and tokens     catalog_blocks.cpp: blocks
//   catalog_references.cpp: who needs which block     catalog_check.cpp: invariants catalog_responses.cpp:
//   responses, conversations
//   catalog_collection.cpp: what goes when room is wanted     catalog_store_check.cpp: for check and backup
//   catalog_import.cpp: agents that were exported
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include "store/catalog.h"
#include "store/collection_plan.h"
#include "store/sqlite.h"
#include "store/sqlite_copy.h"

namespace kvasir {

struct BlockFileName {
    BlockKind kind = BlockKind::kAppend;
    BlockName name;
};

// Rows that are gone: the files are the caller's to remove. The agents needed them.
struct CollectedBlocks {
    std::vector<StoredBlock> files;
    std::set<AgentId> agents;
};

struct CatalogBlock {
    StoredBlock block;
    Digest256 fingerprint;
};

class SqliteCatalog final : public Catalog {
  public:
    static Result<std::unique_ptr<SqliteCatalog>> open_file(const std::string& path, const std::string& vfs);

    const Digest256& tenant_salt() const override { return tenant_salt_; }
    Result<std::optional<std::string>> setting(const std::string& key) override;
    Status set_setting(const std::string& key, const std::string& value) override;
    void note_setting(const std::string& key, const std::string& value) override { settings_[key] = value; }
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
    Result<AgentRecord> import_agent(const NewImport& import, std::int64_t now_unix_ms) override;
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

    // catalog_collection.cpp. Of each victim in turn whatever may still go.
    Result<std::vector<CollectionEntry>> collection_entries();
    Result<CollectedBlocks> collect(std::span<const Victim> victims, const IsHeld& is_held);
    // Noted in memory and written with the next transaction that moves blocks: a crash may forget it.
    void note_use(const BlockName& name, std::int64_t now_unix_ms);
    void note_removed(BlockKind kind, const BlockName& name);  // the file is gone for good

    // catalog_store_check.cpp. Blocks whose names begin with that byte.
    Result<std::vector<CatalogBlock>> blocks_of_shard(unsigned shard);
    // A copy of this database in another file, some pages at a time; true: complete.
    Status begin_copy(const std::string& path);
    Result<bool> copy_some(int pages);
    // Of a copy: how many rows were dropped.
    Result<std::uint64_t> forget_blocks_but(const std::function<bool(const BlockName&)>& stays);

    // Writes the WAL back and cuts it off.
    Status shrink_log();
    // From now on the WAL is written back before it takes that many bytes, one transaction excepted.
    Status limit_log(std::uint64_t bytes);

    // Told how every attempt to write ended.
    void on_write(std::function<void(const Status&)> listener) { on_write_ = std::move(listener); }

  private:
    static constexpr std::uint64_t kLogPagesMax = 1000;  // as SQLite has it
    enum class Opening { kFirst, kAfterFailure };

    SqliteCatalog(std::string path, std::string vfs) : path_(std::move(path)), vfs_(std::move(vfs)) {}
    Status connect(Opening opening);
    Status ensure_connected();
    void recover();
    Status truncate_log();

    // Runs `operation(connection)` in a transaction of its own and commits it if it returned a value.
    template <class Operation>
    std::invoke_result_t<Operation, SqliteConnection&> transact(Operation&& operation) {
        if (Status connected = ensure_connected(); !connected) {
            tell(connected);
            return fail(std::move(connected).error());
        }
        auto result = attempt(operation);
        tell(result ? Status() : Status(fail(result.error())));
        if (!result) recover();
        return result;
    }
    void tell(const Status& outcome) const {
        if (on_write_) on_write_(outcome);
    }
    template <class Operation>
    std::invoke_result_t<Operation, SqliteConnection&> attempt(Operation& operation) {
        KVASIR_TRY_ASSIGN(auto transaction, SqliteTransaction::begin(*connection_));
        auto result = operation(*connection_);
        if (!result) return result;
        KVASIR_TRY(transaction->commit());
        return result;
    }
    template <class Operation>
    std::invoke_result_t<Operation, SqliteConnection&> transact_with_notes(Operation&& operation) {
        auto result =
            transact([&](SqliteConnection& db) -> std::invoke_result_t<Operation, SqliteConnection&> {
                KVASIR_TRY(write_notes(db));
                return operation(db);
            });
        if (result) forget_notes();
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

    struct BlockUse {
        std::uint64_t hits = 0;
        std::int64_t last_unix_ms = 0;
    };
    Status write_notes(SqliteConnection& db);
    void forget_notes();

    std::string path_;
    std::string vfs_;
    std::map<BlockName, BlockUse> uses_;
    std::vector<BlockFileName> removed_;
    std::map<std::string, std::string> settings_;
    std::function<void(const Status&)> on_write_;
    std::uint64_t log_pages_max_ = kLogPagesMax;
    std::unique_ptr<SqliteConnection> connection_;  // null after a failure that reopening did not cure
    std::unique_ptr<SqliteCopy> copy_;              // of the connection
    Digest256 tenant_salt_;
};

}  // namespace kvasir
