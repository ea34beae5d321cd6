// What agents remember: the service that the command line, the server and library users share.
//
// An agent has a name, a conversation (exact tokens: the truth, durable in the catalog) and KV (a cache:
// resident in the engine, stored as blocks, or to be rebuilt by prefill). At most agents_resident_max agents
// are resident; the least recently used leaves first, its tokens always durable before it leaves, its KV too
// unless the disk refuses it.
//
// Belongs to the engine thread: all calls come from it. Engine, store and clock outlive it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/limits.h"
#include "base/result.h"
#include "engine/engine.h"
#include "memory/agent_transfer.h"
#include "memory/agent_verify.h"
#include "memory/kv_rates.h"
#include "memory/match_values.h"
#include "memory/memory_options.h"
#include "memory/read_ahead.h"
#include "memory/rewarm_report.h"
#include "memory/turn_request.h"
#include "store/store.h"

namespace kvasir {

// Lifecycle of an agent, visible in every listing.
enum class AgentState {
    kEmpty,      // no KV anywhere: tokens only, or none yet
    kPrefilled,  // resident, KV not durable yet
    kActive,     // resident, a turn is running
    kSaving,     // resident, KV being written
    kReady,      // resident, KV durable
    kStored,     // not resident, KV durable
    kRestoring,  // KV being read and imported
    kDamaged,    // not resident; stored KV failed verification, will be rebuilt by prefill
};

const char* to_string(AgentState state);
const char* to_string(WhenFull when_full);  // "refuse", "drop_oldest_turns"

struct AgentInfo {
    std::string name;
    std::string type;
    std::string system_prompt;
    AgentState state = AgentState::kEmpty;
    Position token_count = 0;   // exact tokens of the conversation
    Position cache_tokens = 0;  // of them, with KV resident or durable
    std::uint32_t turn_count = 0;
    std::int64_t created_unix_ms = 0;
    std::int64_t last_used_unix_ms = 0;
    std::uint64_t kv_memory_bytes = 0;  // resident
    std::uint64_t kv_disk_bytes = 0;    // files it references, shared ones included
    std::string model_name;
    std::string title;
    MadeBy made_by = MadeBy::kUser;
    Pinned pinned = Pinned::kNo;
    std::string parent;
    Position context_tokens = 0;  // that the model has for it; 0: no model is loaded
    WhenFull when_full = WhenFull::kRefuse;
};

// Where the reused tokens came from.
enum class ReuseSource { kNone, kResident, kMemoryFork, kDisk };

const char* to_string(ReuseSource source);

// What every answer tells about memory.
struct TurnMetrics {
    std::string agent;              // whose it is: the one that was asked for, or its twin
    Position prompt_tokens = 0;     // all tokens of the prompt, history included
    Position reused_tokens = 0;     // of them, not evaluated again
    Position evaluated_tokens = 0;  // prompt tokens evaluated in this turn
    Position answer_tokens = 0;
    Position reasoning_tokens = 0;  // of them, thought before the answer
    ReuseSource source = ReuseSource::kNone;
    std::string not_reused_reason;    // "", "prefix_changed", "fingerprint_changed", "damaged", "not_stored",
                                      // "no_restore_point", "oldest_turns_dropped", "recompute_cheaper"
    std::string changed_field;        // with "prefix_changed": where the client's history differs
    std::uint32_t turns_dropped = 0;  // the oldest ones, since the context is full
    double restore_ms = 0;
    double prefill_ms = 0;
    double first_token_ms = 0;  // from the call to the first token
    double decode_ms = 0;
    double commit_ms = 0;
    double save_ms = 0;
    std::uint64_t append_bytes_written = 0;
    std::uint64_t append_rows_written = 0;
    std::uint64_t window_bytes_written = 0;
    std::uint64_t snapshot_bytes_written = 0;
    std::uint64_t evaluated_by_engine =
        0;  // rows the engine library counted (llama_perf) for prompt and answer
};

// kNothing: the agent has forgotten the turn (UndurableAnswer::kDelivered).
enum class Durability { kTokensAndKv, kTokensOnly, kNothing };

struct SaveResult {
    Durability durability = Durability::kTokensAndKv;
    std::string warning;
    std::uint64_t append_rows_written = 0;
    std::uint64_t append_bytes_written = 0;
    std::uint64_t window_bytes_written = 0;
    std::uint64_t snapshot_bytes_written = 0;
    std::uint64_t blocks_written = 0;
    std::uint64_t blocks_shared = 0;  // were there already
    bool left_to_next = false;        // kTokensOnly, and not for an error: the next turn's save has all of it
    double save_ms = 0;
};

struct TurnResult {
    std::string text;           // as the model wrote it, without end-of-turn tokens and stop strings
    ChatMessage message;        // the same, reasoning and tool calls taken apart (kParsed)
    std::string stop_matched;   // the stop string that ended it
    std::uint32_t turn = 0;     // number of the turn in its conversation
    std::string finish_reason;  // "stop", "length", "cancelled"
    Durability durability = Durability::kTokensAndKv;
    std::string warning;  // why the KV is not durable, when it is not; or that a restore fell back to prefill
    TurnMetrics metrics;
    SaveResult save;                      // of its KV, when that is over
    std::optional<ReadAhead> read_ahead;  // the next turn will have to leave the oldest ones out
};

struct MessageOptions {
    std::uint32_t answer_tokens_max = kAnswerTokensDefault;
    SamplingOptions sampling;
    std::function<void(std::string_view text)> on_text;  // complete UTF-8 pieces as they come
    std::function<void(TurnPhase, Position done, Position total)> on_progress;
    const std::atomic<bool>* cancelled = nullptr;  // looked at before every token and chunk
};

struct LoadResult {
    Position restored_tokens = 0;   // from disk, or copied from somebody who was resident
    Position evaluated_tokens = 0;  // re-prefilled, because they were not stored or failed verification
    ReuseSource source = ReuseSource::kNone;
    std::string warning;  // why a load fell back to prefill
    double restore_ms = 0;
    double prefill_ms = 0;
};

struct CreateResult {
    AgentInfo agent;
    Position reused_tokens = 0;  // of the system prefix, shared with others
    Position evaluated_tokens = 0;
    double prefill_ms = 0;
    double restore_ms = 0;
    SaveResult save;
};

struct EraseReceipt {
    std::string agent;
    std::uint64_t turns_removed = 0;
    std::uint64_t tokens_removed = 0;
    std::uint64_t blocks_removed = 0;
    std::uint64_t bytes_removed = 0;
    std::uint64_t blocks_kept = 0;  // other agents share them
    std::uint64_t bytes_kept = 0;
};

struct ForkResult {
    AgentInfo agent;  // the new one; its cache_tokens are stored already, shared with the source
    std::string source;
    std::uint32_t turn = 0;  // the last one that both have
};

struct RollbackResult {
    AgentInfo agent;
    std::uint32_t turns_left = 0;  // behind: kept as a branch
    Position tokens_left = 0;
};

struct RestResult {
    std::uint64_t agents_evicted = 0;
    std::uint64_t bytes_given_back = 0;  // by the engine
};

// What one turn found of its prompt.
struct TurnReuse {
    std::uint32_t turn = 0;
    std::int64_t unix_ms = 0;
    Position prompt_tokens = 0;
    Position reused_tokens = 0;
    ReuseSource source = ReuseSource::kNone;
    std::string not_reused_reason;
    double restore_ms = 0;
    double prefill_ms = 0;
};

// What is kept of one agent, and where.
struct AgentCache {
    AgentInfo agent;
    std::uint64_t append_blocks = 0;
    std::uint64_t append_bytes = 0;
    std::uint64_t window_segments = 0;
    std::uint64_t window_bytes = 0;
    std::uint64_t snapshots = 0;
    std::uint64_t snapshot_bytes = 0;
    std::uint32_t resident_branches = 0;
    Position resident_tokens = 0;    // of the branch that its head is on
    std::vector<TurnReuse> history;  // the last turns of this process, oldest first
};

struct AgentMemoryUse {
    std::string name;
    Position cache_tokens = 0;
    std::uint64_t kv_bytes = 0;  // cells it holds; shared cells counted for each holder
};

// Of one loaded model.
struct ModelMemoryUse {
    std::string name;
    EngineMemory engine;
    CellUsage cells;
    std::uint64_t agents = 0;        // resident conversations
    Position longest_tokens = 0;     // of the longest of them
    Position context_tokens = 0;     // largest context of one
    std::uint64_t rows_counted = 0;  // evaluated, as the engine library counts them
};

struct MemoryUsage {
    std::vector<ModelMemoryUse> models;  // what follows are their sums
    EngineMemory engine;
    std::vector<AgentMemoryUse> agents;  // resident ones
    CellUsage cells;
    std::uint64_t reserved_bytes = 0;  // weights + KV pool + compute: what the engine may come to take
    std::uint64_t total_bytes = 0;     // what the process takes now, as the kernel counts it
};

// An answer that is known by an id, and the conversation up to and with it.
struct ResponseTurn {
    StoredResponse response;
    std::vector<ChatMessage> messages;  // system messages first
    std::vector<ToolDefinition> tools;
};

class TurnRun;

class AgentMemory {
  public:
    static Result<std::unique_ptr<AgentMemory>> open(const MemoryOptions& options, Engine& engine,
                                                     Store& store, const Clock& clock);
    virtual ~AgentMemory() = default;

    // Prefills the system prefix and generates nothing; cache_tokens is its length. kConflict when the name
    // is taken.
    virtual Result<CreateResult> create(const std::string& name, const std::string& type,
                                        const std::string& system_prompt) = 0;
    // One turn: activate, prefill the new tokens, generate, commit (durable), save KV. When this returns a
    // value the turn is durable. On an error before commit the agent is as it was.
    virtual Result<TurnResult> message(const std::string& name, const std::string& text,
                                       const MessageOptions& options) = 0;
    // The same in steps, beside others' (turn_run.h). kUnavailable: all places are busy; the request may be
    // made again.
    virtual Result<std::unique_ptr<TurnRun>> begin_turn(TurnRequest request, TurnSinks sinks) = 0;
    // Reads what the next prompt will begin with into the agent's own place, where nobody waits: nobody
    // leaves for it. The run may be dropped at any time, what it has read by then stays. An error: there is
    // nothing to be read, or not any more. `wish` keeps what it has come to for when it goes on.
    virtual Result<std::unique_ptr<TurnRun>> begin_read_ahead(ReadAhead& wish) = 0;
    // Evaluates rows of turns; when cells run out, idle agents leave.
    virtual Status evaluate(std::span<const BatchRow> rows) = 0;
    // Tokens that the prompt of such a turn would have. Nothing is changed.
    virtual Result<Position> count_tokens(const TurnRequest& request) = 0;
    // What of such a request's conversation is known, and where it differs. Nothing is changed.
    virtual Result<MatchReport> match(const TurnRequest& request) = 0;
    // How the last requests were found, newest first; since the start, at most 512 of all agents.
    virtual std::vector<MatchReport> match_reports(const std::string& agent) const = 0;
    virtual std::optional<MatchReport> match_report(const std::string& request_id) const = 0;
    // A turn is running on it (save(), evict(), load() and remove() are kConflict then), or it is being
    // saved.
    virtual bool is_busy(const std::string& name) const = 0;
    // Its KV is being saved beside turns. What can't be done meanwhile waits for that, and with it the engine
    // thread: whoever has others to serve asks before.
    virtual bool is_saving(const std::string& name) const = 0;
    virtual Result<SaveResult> save(
        const std::string& name) = 0;           // KV of a resident agent; no-op when durable
    virtual Result<SaveResult> save_all() = 0;  // sums; the first error after trying all
    virtual Result<LoadResult> load(const std::string& name) = 0;   // makes resident; falls back to prefill
    virtual Result<SaveResult> evict(const std::string& name) = 0;  // saves, then frees its cells
    // Everybody is saved and leaves, and the engine's memory is given back until somebody needs it again.
    // kConflict: a turn is running. kUnavailable: somebody's KV cannot be saved; then nobody leaves.
    virtual Result<RestResult> rest() = 0;
    // What is stored comes back beside what is resident, and the tokens are read cold. kConflict: a turn is
    // running on it. kUnavailable: another one is verified, or turns have reserved the cells.
    virtual Result<std::unique_ptr<AgentVerify>> begin_verify(const std::string& name) = 0;
    virtual Result<VerifyReport> verify(const std::string& name) = 0;  // at once
    // That no turn can have now: what it takes meanwhile, and those of agents whose files are being written,
    // but for that agent.
    virtual std::uint64_t cells_held(const std::string& beside) const = 0;
    virtual Result<EraseReceipt> remove(const std::string& name) = 0;
    virtual Result<EraseReceipt> expire(const std::string& name) = 0;  // the same, told as expired
    // kConflict: the new name is taken, or it is to be renamed in the middle of a turn.
    virtual Result<AgentInfo> change(const std::string& name, const AgentChange& change) = 0;
    // Removes one agent that a client's session made and that nobody has used since then; nothing: there is
    // none.
    virtual Result<std::optional<EraseReceipt>> expire_one(std::int64_t unused_since_unix_ms) = 0;
    // A new agent with the conversation up to turn `at` (nullopt: all of it). No KV is copied: both use the
    // same files until they differ. kConflict: name taken. kNotFound: no such agent or turn.
    virtual Result<ForkResult> fork(const std::string& name, const std::string& new_name,
                                    std::optional<std::uint32_t> at) = 0;
    virtual Result<AgentInfo> set_when_full(const std::string& name, WhenFull when_full) = 0;
    // The next message follows turn `to` (0: the system prompt). kConflict: a turn is running.
    virtual Result<RollbackResult> roll_back(const std::string& name, std::uint32_t to) = 0;
    // The conversation and its stored KV as they are now; a resident agent is saved first. Turns may go on
    // meanwhile.
    virtual Result<std::unique_ptr<AgentExport>> begin_export(const std::string& name) = 0;
    // Checked as bytes of strangers in its steps. kConflict: the name is taken. kInvalidArgument: no such
    // file. kModelUnusable: of another model.
    virtual std::unique_ptr<AgentImport> begin_import(ImportRequest request) = 0;
    virtual Result<std::vector<AgentInfo>> list() = 0;  // by name
    virtual Result<AgentInfo> show(const std::string& name) = 0;
    virtual Result<AgentCache> cache(const std::string& name) = 0;
    virtual Result<std::vector<TurnRecord>> turns(const std::string& name) = 0;
    virtual Result<std::optional<ResponseTurn>> response_turn(const std::string& id) = 0;
    // Responses and conversations that clients keep here.
    virtual ResponseCatalog& responses() = 0;
    virtual MemoryUsage memory_usage() const = 0;
    // Agents of this model, the last used first.
    virtual Result<std::vector<std::string>> names_by_heat() = 0;
    virtual Result<RewarmCandidate> rewarm_candidate(const std::string& name) = 0;
    // After it was loaded: it leaves with its KV saved, and counts as used when it was used last. kConflict:
    // a turn is running on it, so it stays.
    virtual Status end_rewarm(const RewarmCandidate& candidate) = 0;
    // How fast tokens are read and brought back: as it was in turns so far.
    virtual const KvRates& rates() const = 0;
    // The same, measured now; when nothing was known before, it is from then on. kConflict: a turn is
    // running.
    virtual Result<KvRates> measure_rates() = 0;
    virtual std::vector<std::string> resident() const = 0;  // least recently used first
    virtual Store& store() = 0;                             // that it keeps everything in
};

// What turns of other purposes come to.
CreateResult created_by(const TurnResult& result, AgentInfo agent);
LoadResult loaded_by(const TurnResult& result);

// "a; b" of what is not empty.
void add_warning(std::string& warning, const std::string& more);
void add_save(SaveResult& sum, const SaveResult& one);

// Listing without a model: what `kvasir agents ls` prints when no engine is loaded. State is kStored or
// kEmpty.
Result<std::vector<AgentInfo>> list_stored_agents(Store& store);
Result<AgentInfo> show_stored_agent(Store& store, const std::string& name);
// Deleting needs no model either.
Result<EraseReceipt> erase_stored_agent(Store& store, const std::string& name);
Result<ForkResult> fork_stored_agent(Store& store, const Clock& clock, const NewFork& fork);
Result<AgentInfo> change_stored_agent(Store& store, const std::string& name, const AgentChange& change);
Result<RollbackResult> roll_back_stored_agent(Store& store, const Clock& clock, const std::string& name,
                                              std::uint32_t to);

}  // namespace kvasir
