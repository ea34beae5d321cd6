// The catalog: agents, turns, exact tokens and what blocks are durable, in one SQLite file (WAL,
// synchronous=FULL).
//
// A turn is acknowledged when commit_turn() has returned: its messages and exact tokens are durable then. One
// thread at a time; owned by Store. Every function is one transaction. Errors: kNoSpace (SQLITE_FULL), kIo,
// kStoreUnusable (corrupt, or of a future version), kNotFound, kConflict.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "base/tokens.h"
#include "store/agent_change.h"
#include "store/block.h"
#include "store/response_catalog.h"

namespace kvasir {

enum class AgentId : std::int64_t {};
enum class TurnId : std::int64_t {};
// A line of turns: a turn stays on its parent's branch unless another child was there first; then it begins
// its own.
enum class BranchId : std::int64_t {};

inline constexpr const char* kCutOff = "cancelled";  // the finish reason of an answer that was not let end

struct AgentRecord {
    AgentId id{};
    std::string name;
    std::string type;
    std::string system_prompt;
    Digest256 model_id;      // weights and tokenizer its tokens belong to
    std::string model_name;  // for messages
    std::string model_path;  // where it was last seen, for messages
    std::int64_t created_unix_ms = 0;
    std::int64_t last_used_unix_ms = 0;
    std::optional<TurnId> head;    // last committed turn; the root turn (system prefix) after create
    Position token_count = 0;      // exact tokens up to and including head
    std::uint32_t turn_count = 0;  // without the root turn
    std::string title;             // free text
    MadeBy made_by = MadeBy::kUser;
    Pinned pinned = Pinned::kNo;
    std::string parent;  // name of the agent that it works for, "" none
};

// One node of an agent's trees. A root turn (no parent) holds the tokens of a system prefix and no answer. An
// agent has one root for every system prompt (with tools) that it was spoken to with; its head hangs on one
// of them.
struct TurnRecord {
    TurnId id{};
    BranchId branch{};
    std::optional<TurnId> parent;
    std::uint32_t number = 0;  // 0: root
    std::string user_text;
    std::string assistant_text;
    std::vector<Token> tokens;             // that this turn added: prompt delta, then answer
    Position token_begin = 0;              // position of tokens[0]
    std::uint32_t prompt_token_count = 0;  // how many of tokens belong to the prompt delta
    std::string finish_reason;             // "stop", "length", "cancelled", ..., "" for a root
    std::string
        messages;  // all messages that the turn added, the answer last; opaque text of the memory layer
    std::optional<Digest256> conversation_key;  // what the conversation up to and with this turn is found by
    std::int64_t created_unix_ms = 0;
    bool cut_off() const { return finish_reason == kCutOff; }
    Position token_end() const { return token_begin + static_cast<Position>(tokens.size()); }
};

enum class HeadMove { kIfItFollows, kStays };

struct NewTurn {
    AgentId agent{};
    std::optional<TurnId> expected_head;  // compare-and-set: kConflict when the agent's head is another one
    // Given: the turn hangs there, whatever the head is. The head moves to it when it stands on the same
    // root, or has no turns yet.
    std::optional<TurnId> parent;
    HeadMove head_move = HeadMove::kIfItFollows;  // kStays: no part of the agent's conversation
    std::string user_text;
    std::string assistant_text;
    // Tokens of the new head = the first `token_begin` tokens of the expected head, then `tokens`.
    // token_begin is normally the head's token_count; lower when the prompt diverged inside it.
    Position token_begin = 0;
    std::vector<Token> tokens;
    std::uint32_t prompt_token_count = 0;
    std::string finish_reason;
    std::string messages;
    std::optional<Digest256> conversation_key;
    // "" none; kConflict when a turn of this agent has it. One that was cut off gives it up.
    std::string idempotency_key;
    std::optional<NewResponse> response;  // by which a client finds it again
};

// Another system prefix of an agent that exists.
struct NewRoot {
    AgentId agent{};
    std::vector<Token> prefix_tokens;
    std::string messages;
    std::optional<Digest256> conversation_key;
};

struct NewAgent {
    std::string name;
    std::string type;
    std::string system_prompt;
    Digest256 model_id;
    std::string model_name;
    std::string model_path;
    std::vector<Token> prefix_tokens;  // of the root turn, in the same transaction
    std::string messages;              // of the root turn
    std::optional<Digest256> conversation_key;
    std::string title;
    MadeBy made_by = MadeBy::kUser;
    std::string parent;  // a name; one that does not exist is no parent
};

// A copy of a conversation under a name of its own.
struct NewFork {
    std::string source;
    std::string name;
    std::optional<std::uint32_t> at_turn;  // the last turn that it has; nullopt: all of them
};

// An agent that was exported, with its conversation.
struct NewImport {
    NewAgent agent;  // its root is the first of the turns
    std::int64_t created_unix_ms = 0;
    std::vector<TurnRecord> turns;  // from the root to the head; ids, numbers and branches are given anew
};

struct CatalogTotals {
    std::uint64_t agents = 0;
    std::uint64_t blocks = 0;       // append files
    std::uint64_t windows = 0;      // window files
    std::uint64_t snapshots = 0;    // snapshot files
    std::uint64_t block_bytes = 0;  // files of all kinds
};

// What deleting an agent took away and what stays because others share it.
struct ErasedBlocks {
    std::vector<StoredBlock> removed;  // the files are the caller's to remove
    std::vector<StoredBlock> shared;   // still needed by others
    std::uint64_t turns = 0;
    std::uint64_t tokens = 0;
};

class Catalog : public ResponseCatalog {
  public:
    // Creates or opens `path`; runs migrations. `vfs` names an SQLite VFS (tests inject faults through one),
    // empty: default.
    static Result<std::unique_ptr<Catalog>> open(const std::string& path, const std::string& vfs = {});
    virtual const Digest256& tenant_salt() const = 0;  // of the one default tenant; random, made at creation

    // Settings that outlive a run (disk budget, ...).
    virtual Result<std::optional<std::string>> setting(const std::string& key) = 0;
    virtual Status set_setting(const std::string& key, const std::string& value) = 0;

    // Noted in memory and written with the next transaction that moves blocks: a crash may forget it.
    virtual void note_setting(const std::string& key, const std::string& value) = 0;

    // Fingerprints seen, so that a mismatch can be explained.
    virtual Status remember_fingerprint(const Digest256& digest, const Digest256& model_id,
                                        const std::string& text) = 0;
    virtual Result<std::optional<std::string>> fingerprint_text(
        const Digest256& model_id) = 0;  // newest of that model

    // Agents.
    virtual Result<AgentRecord> create_agent(const NewAgent& agent,
                                             std::int64_t now_unix_ms) = 0;  // kConflict: name taken
    virtual Result<AgentRecord> agent(const std::string& name) = 0;          // kNotFound
    virtual Result<std::vector<AgentRecord>> agents() = 0;                   // by name
    // kNotFound; kConflict: the new name is taken.
    virtual Result<AgentRecord> change_agent(const std::string& name, const AgentChange& change) = 0;
    // Names of agents that a session made and nobody has used since then, pinned ones left out; the longest
    // unused first, some of them.
    virtual Result<std::vector<std::string>> unused_sessions(std::int64_t since_unix_ms) = 0;
    virtual Status touch_agent(AgentId agent, std::int64_t now_unix_ms) = 0;
    // A new agent with the source's turns, and with references to those of its blocks that hold nothing else.
    // kNotFound: no such agent or turn; kConflict: name taken.
    virtual Result<AgentRecord> fork_agent(const NewFork& fork, std::int64_t now_unix_ms) = 0;
    // Agent and turns in one transaction. kConflict: name taken; kInvalidArgument: turns that do not follow
    // each other.
    virtual Result<AgentRecord> import_agent(const NewImport& import, std::int64_t now_unix_ms) = 0;
    // The head moves back to a turn before it (0: the root). Later turns stay where they are, as a branch.
    virtual Result<AgentRecord> go_back(const std::string& name, std::uint32_t turn,
                                        std::int64_t now_unix_ms) = 0;
    // What a user has set for it; "" nothing.
    virtual Result<std::string> agent_option(AgentId agent, const std::string& name) = 0;
    virtual Status set_agent_option(AgentId agent, const std::string& name, const std::string& value) = 0;
    // Removes agent, turns, references and the catalog rows of blocks nobody else references; secure_delete,
    // WAL truncated.
    virtual Result<ErasedBlocks> erase_agent(AgentId agent) = 0;

    // Turns.
    virtual Result<TurnRecord> commit_turn(const NewTurn& turn, std::int64_t now_unix_ms) = 0;
    virtual Result<TurnRecord> add_root(const NewRoot& root, std::int64_t now_unix_ms) = 0;
    virtual Result<std::vector<TurnRecord>> turns(AgentId agent) = 0;  // root to head
    virtual Result<std::vector<Token>> tokens(AgentId agent) = 0;      // all, root to head
    virtual Result<std::vector<TurnRecord>> path_to(TurnId turn) = 0;  // root to that turn; kNotFound
    // The newest turn of the agent with that key, or nothing.
    virtual Result<std::optional<TurnId>> find_turn(AgentId agent, const Digest256& conversation_key) = 0;
    // Turns that follow `parent` (nullopt: roots), the newest first, `most` at most.
    virtual Result<std::vector<TurnRecord>> turns_after(AgentId agent, std::optional<TurnId> parent,
                                                        std::uint32_t most) = 0;
    virtual Result<std::optional<TurnId>> find_idempotent(AgentId agent,
                                                          const std::string& idempotency_key) = 0;

    // Blocks: rows exist only for files that are durable. add_block of a name that exists is no error (first
    // writer wins).
    virtual Status add_block(const StoredBlock& block, const Digest256& fingerprint,
                             std::int64_t now_unix_ms) = 0;
    virtual Result<std::optional<StoredBlock>> block(BlockKind kind, const BlockName& name) = 0;
    // Append blocks with that parent (nullopt: first blocks of that fingerprint), most recently made first.
    virtual Result<std::vector<StoredBlock>> children(const std::optional<BlockName>& parent,
                                                      const Digest256& fingerprint) = 0;
    // Window segments of the chain that is named `end_name` at their end, lowest begin first.
    virtual Result<std::vector<StoredBlock>> windows_ending_at(const BlockName& end_name) = 0;
    virtual Status drop_block(BlockKind kind, const BlockName& name) = 0;  // after quarantine
    // Replaces the set of references of one branch of the agent, in one transaction with the rows of new
    // blocks. Returns blocks that nobody references any more *and* that are partial (superseded): already
    // dropped from the catalog, files are the caller's.
    virtual Result<std::vector<StoredBlock>> set_references(AgentId agent, BranchId branch,
                                                            std::span<const StoredBlock> new_blocks,
                                                            const Digest256& fingerprint,
                                                            std::span<const BlockName> references,
                                                            std::int64_t now_unix_ms) = 0;
    virtual Result<std::vector<StoredBlock>> referenced_blocks(AgentId agent) = 0;  // by any of its branches
    virtual Result<std::vector<StoredBlock>> branch_blocks(AgentId agent, BranchId branch) = 0;
    // Where window segments and snapshots of that fingerprint end, up to position_max, that any branch of the
    // agent uses: positions that may be worth a restore. Highest first; the highest 256 of them.
    virtual Result<std::vector<Position>> restore_positions(AgentId agent, const Digest256& fingerprint,
                                                            Position position_max) = 0;
    virtual Result<CatalogTotals> totals() = 0;
    // Full check of the file (PRAGMA integrity_check and our own invariants); kStoreUnusable says what is
    // wrong.
    virtual Status check() = 0;
};

// Tokens of a path: every turn begins inside what those before it made. kStoreUnusable when it does not.
Result<std::vector<Token>> join_tokens(const std::vector<TurnRecord>& path);

}  // namespace kvasir
