// Copies of a conversation and going back in one: SqliteCatalog's part. A fork has turns of its own and
// refers to the same blocks; of a block that goes on beyond the fork's last turn it takes no part, so that
// erasing the source leaves none of its words.
#include <algorithm>
#include <unordered_map>
#include <utility>

#include <fmt/core.h>

#include "base/limits.h"
#include "base/names.h"
#include "store/catalog_rows.h"
#include "store/catalog_sqlite.h"

namespace kvasir {

namespace {

// The turns from the root to number `last`; all of them: nullopt.
Result<std::vector<TurnRecord>> turns_up_to(SqliteConnection& db, const AgentRecord& agent,
                                            std::optional<std::uint32_t> last) {
    KVASIR_TRY_ASSIGN(std::vector<TurnRecord> turns, read_turns(db, agent.id));
    if (turns.empty())
        return fail(ErrorCode::kStoreUnusable, "the catalog is damaged: an agent without turns");
    if (!last) return turns;
    if (*last >= turns.size())
        return fail(ErrorCode::kNotFound,
                    fmt::format("{} has no turn {}: its conversation has {} (0 is its system prompt alone)",
                                printable(agent.name), *last, turns.size() - 1));
    turns.resize(*last + 1);
    return turns;
}

Result<AgentId> copy_agent(SqliteConnection& db, const AgentRecord& source, const std::string& name,
                           std::int64_t now_unix_ms) {
    KVASIR_TRY_ASSIGN(
        auto copy,
        db.prepare(
            "INSERT INTO agents (tenant_id, name, type, system_prompt, model_id, model_name, model_path, "
            "created_unix_ms, last_used_unix_ms, token_count, turn_count, title) "
            "SELECT tenant_id, ?, type, system_prompt, model_id, model_name, model_path, "
            "created_unix_ms, ?, 0, 0, title FROM agents WHERE id = ?"));
    KVASIR_TRY(copy.bind_text(name).bind_int(now_unix_ms).bind_int(to_row(source.id)).run());
    return AgentId{db.last_insert_id()};
}

// Without idempotency keys: a request that is repeated is the source's.
Result<TurnRecord> copy_turns(SqliteConnection& db, AgentId to, std::vector<TurnRecord> turns) {
    TurnRecord last;
    for (TurnRecord& turn : turns) {
        KVASIR_TRY_ASSIGN(
            auto copy,
            db.prepare(
                "INSERT INTO turns (agent_id, parent_id, branch_id, number, user_text, assistant_text, "
                "tokens, token_begin, prompt_token_count, finish_reason, messages, conversation_key, "
                "created_unix_ms) "
                "SELECT ?, ?, ?, number, user_text, assistant_text, tokens, token_begin, "
                "prompt_token_count, finish_reason, messages, conversation_key, created_unix_ms "
                "FROM turns WHERE id = ?"));
        copy.bind_int(to_row(to));
        if (turn.number == 0)
            copy.bind_null();
        else
            copy.bind_int(to_row(last.id));
        KVASIR_TRY(copy.bind_int(to_row(last.branch)).bind_int(to_row(turn.id)).run());
        turn.id = TurnId{db.last_insert_id()};
        turn.branch = last.branch;
        if (turn.number == 0) {
            turn.branch = BranchId{to_row(turn.id)};
            KVASIR_TRY_ASSIGN(auto own, db.prepare("UPDATE turns SET branch_id = id WHERE id = ?"));
            KVASIR_TRY(own.bind_int(to_row(turn.id)).run());
        }
        last = std::move(turn);
    }
    return last;
}

// Which of the blocks lie on the chain of `tokens`, from its start to its end.
class BlocksOfChain {
  public:
    BlocksOfChain(const ChainRoot& root, const std::vector<Token>& tokens)
        : root_(root), tokens_(tokens), full_(chain_names(root, tokens)) {}

    bool contain(const StoredBlock& block) {
        if (block.range.end > tokens_.size()) return false;
        const BlockName end_name = name_at(block.range.end);
        if (block.kind != BlockKind::kAppend) return block.parent == end_name;
        return block.range.begin % kBlockTokens == 0 && block.name == end_name;
    }

  private:
    BlockName name_at(Position end) {
        const auto known = names_.find(end);
        if (known != names_.end()) return known->second;
        const std::size_t before = (end - 1) / kBlockTokens;
        const std::optional<BlockName> parent =
            before == 0 ? std::nullopt : std::optional<BlockName>(full_[before - 1]);
        const std::span<const Token> tokens(tokens_);
        const BlockName name =
            block_name(root_, parent, tokens.subspan(before * kBlockTokens, end - before * kBlockTokens));
        names_.emplace(end, name);
        return name;
    }

    ChainRoot root_;
    const std::vector<Token>& tokens_;
    std::vector<BlockName> full_;  // names of the full blocks, then of the partial one
    std::unordered_map<Position, BlockName> names_;
};

Result<std::vector<Digest256>> fingerprints_of(SqliteConnection& db, AgentId agent) {
    KVASIR_TRY_ASSIGN(auto statement,
                      db.prepare("SELECT DISTINCT b.fingerprint FROM block_references AS r "
                                 "JOIN blocks AS b ON b.id = r.block_id WHERE r.agent_id = ?"));
    statement.bind_int(to_row(agent));
    std::vector<Digest256> fingerprints;
    while (true) {
        KVASIR_TRY_ASSIGN(const bool row, statement.step());
        if (!row) return fingerprints;
        fingerprints.push_back(statement.digest_at(0));
        KVASIR_TRY(statement.column_error());
    }
}

Result<std::vector<BlockName>> blocks_on_chain(SqliteConnection& db, AgentId agent, const ChainRoot& root,
                                               const std::vector<Token>& tokens) {
    KVASIR_TRY_ASSIGN(auto statement, db.prepare(fmt::format(
                                          "SELECT DISTINCT {}, b.id FROM block_references AS r "
                                          "JOIN blocks AS b ON b.id = r.block_id "
                                          "WHERE r.agent_id = ? AND b.fingerprint = ? AND b.range_end <= ?",
                                          kBlockColumns)));
    statement.bind_int(to_row(agent)).bind_digest(root.fingerprint).bind_count(tokens.size());
    KVASIR_TRY_ASSIGN(const std::vector<StoredBlock> blocks, read_blocks(statement));
    BlocksOfChain chain(root, tokens);
    std::vector<BlockName> names;
    for (const StoredBlock& block : blocks) {
        if (chain.contain(block)) names.push_back(block.name);
    }
    return names;
}

}  // namespace

Result<AgentRecord> SqliteCatalog::fork_agent(const NewFork& fork, std::int64_t now_unix_ms) {
    return transact([&](SqliteConnection& db) -> Result<AgentRecord> {
        KVASIR_TRY_ASSIGN(const AgentRecord source, known_agent(db, fork.source));
        KVASIR_TRY(check_name_free(db, fork.name));
        KVASIR_TRY_ASSIGN(std::vector<TurnRecord> turns, turns_up_to(db, source, fork.at_turn));
        KVASIR_TRY_ASSIGN(const std::vector<Token> tokens, join_tokens(turns));
        KVASIR_TRY_ASSIGN(const AgentId made, copy_agent(db, source, fork.name, now_unix_ms));
        KVASIR_TRY(copy_options(db, source.id, made));
        KVASIR_TRY_ASSIGN(const TurnRecord head, copy_turns(db, made, std::move(turns)));
        KVASIR_TRY(move_head(db, made, head, now_unix_ms));
        KVASIR_TRY_ASSIGN(const auto fingerprints, fingerprints_of(db, source.id));
        for (const Digest256& fingerprint : fingerprints) {
            KVASIR_TRY_ASSIGN(const auto shared,
                              blocks_on_chain(db, source.id, {tenant_salt_, fingerprint}, tokens));
            KVASIR_TRY(refer_to(db, made, head.branch, shared));
        }
        return known_agent(db, fork.name);
    });
}

Result<AgentRecord> SqliteCatalog::go_back(const std::string& name, std::uint32_t turn,
                                           std::int64_t now_unix_ms) {
    return transact([&](SqliteConnection& db) -> Result<AgentRecord> {
        KVASIR_TRY_ASSIGN(const AgentRecord agent, known_agent(db, name));
        KVASIR_TRY_ASSIGN(const std::vector<TurnRecord> turns, turns_up_to(db, agent, turn));
        KVASIR_TRY(move_head(db, agent.id, turns.back(), now_unix_ms));
        return known_agent(db, name);
    });
}

}  // namespace kvasir
