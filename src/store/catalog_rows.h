// Rows of the catalog <-> values, shared by the parts of SqliteCatalog. Inside a transaction of the caller.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "store/catalog.h"
#include "store/sqlite.h"

namespace kvasir {

inline std::int64_t to_row(AgentId id) { return static_cast<std::int64_t>(id); }
inline std::int64_t to_row(BranchId id) { return static_cast<std::int64_t>(id); }
inline std::int64_t to_row(TurnId id) { return static_cast<std::int64_t>(id); }
inline std::int64_t to_row(BlockKind kind) { return info_of(kind).row; }
inline std::int64_t to_row(MadeBy made_by) { return made_by == MadeBy::kUser ? 0 : 1; }
inline std::int64_t to_row(Pinned pinned) { return pinned == Pinned::kNo ? 0 : 1; }
// kStoreUnusable: a kind that this program does not know.
Result<BlockKind> block_kind(std::int64_t row);

// Columns of `blocks` in the order that read_blocks() expects; the table must be named b.
inline constexpr const char* kBlockColumns =
    "b.kind, b.name, b.parent, b.range_begin, b.range_end, b.tokens, b.header_hash, b.file_bytes";
inline constexpr int kBlockColumnCount = 8;

Result<StoredBlock> read_block(SqliteStatement& row);
Result<std::vector<StoredBlock>> read_blocks(SqliteStatement& statement);  // of a statement that is bound

// First writer wins: a name that exists stays as it is.
Status insert_block(SqliteConnection& connection, const StoredBlock& block, const Digest256& fingerprint,
                    std::int64_t now_unix_ms);
// Deletes rows and notes their files as pending removals.
Status delete_blocks(SqliteConnection& connection, const std::vector<StoredBlock>& blocks);

// Head turn and token count of an agent; kNotFound.
struct AgentHead {
    std::optional<TurnId> turn;
    Position token_count = 0;
    std::uint32_t turn_count = 0;
};
Result<AgentHead> read_head(SqliteConnection& connection, AgentId agent);

Result<AgentRecord> known_agent(SqliteConnection& connection, const std::string& name);  // kNotFound
Status check_name_free(SqliteConnection& connection, const std::string& name);           // kConflict
Result<AgentId> insert_agent(SqliteConnection& connection, const NewAgent& agent, std::int64_t now_unix_ms);
// These blocks are needed by that branch now.
Status refer_to(SqliteConnection& connection, AgentId agent, BranchId branch,
                std::span<const BlockName> names);

Result<std::vector<TurnRecord>> read_turns(SqliteConnection& connection, AgentId agent);  // root to head
// A turn without a parent; the head stays where it is.
Result<TurnRecord> insert_root(SqliteConnection& connection, const NewRoot& root, std::int64_t now_unix_ms);
// On the branch of `after`, which nothing follows yet.
Result<TurnRecord> insert_turn_after(SqliteConnection& connection, const NewTurn& turn,
                                     const TurnRecord& after, std::int64_t now_unix_ms);
Status note_agent_use(SqliteConnection& connection, AgentId agent, std::int64_t now_unix_ms);
Status move_head(SqliteConnection& connection, AgentId agent, const TurnRecord& turn,
                 std::int64_t now_unix_ms);

Status write_setting(SqliteConnection& connection, const std::string& key, const std::string& value);
Status copy_options(SqliteConnection& connection, AgentId from, AgentId to);
// In the transaction of its turn.
Status insert_response(SqliteConnection& connection, const NewResponse& response, const TurnRecord& turn,
                       AgentId agent, std::int64_t now_unix_ms);
Status rename_conversations_of(SqliteConnection& connection, const std::string& from, const std::string& to);
Status erase_conversations_of(SqliteConnection& connection, AgentId agent);

}  // namespace kvasir
