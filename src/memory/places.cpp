#include "memory/places.h"

#include <algorithm>
#include <utility>

namespace kvasir {

namespace {

// Of rows that wait to be saved: more are not given up for another line of the agent.
constexpr Position kUnsavedTokensLostMax = 64;

}  // namespace

void Places::note_prefill(Position tokens, double ms) {
    rates_.note_prefill(tokens, ms);
    keep_rates();
}

void Places::note_restore(Position tokens, double ms) {
    rates_.note_restore(tokens, ms);
    keep_rates();
}

void Places::keep_rates() {
    context_.store.catalog().note_setting(kKvRatesSetting,
                                          context_.root.fingerprint.hex() + " " + rates_.text());
}

Places::~Places() {
    context_.store.on_agent_collected(this, {});
    for (const ResidentAgent& agent : residency_.agents()) context_.engine.close_sequence(agent.sequence);
}

std::unique_ptr<SaveRun> Places::begin_save(ResidentAgent& agent) {
    return std::make_unique<SaveRun>(context_, clock_, saves_, agent,
                                     [this](const SaveRun& run) { note_saved(run); });
}

void Places::note_saved(const SaveRun& run) {
    const SaveResult& result = run.result();
    const std::string& name = run.agent().name;
    if (result.left_to_next) return;
    const bool saved = result.durability == Durability::kTokensAndKv;
    if (saved) damaged_.erase(name);
    if (!saved || result.save_ms > 0) {
        tell({saved ? MemoryEventKind::kSaved : MemoryEventKind::kNotSaved, name, run.length(),
              result.save_ms, result.warning});
    }
}

SaveResult Places::save(ResidentAgent& agent) {
    const auto run = begin_save(agent);
    run->finish_all();
    return run->result();
}

std::string Places::save_idle(const std::string& name) {
    std::string warning;
    end_saves(name);
    for (ResidentAgent* agent : find_all(name)) {
        if (agent->idle()) add_warning(warning, save(*agent).warning);
    }
    return warning;
}

std::unique_ptr<RestoreRun> Places::begin_reuse(ResidentAgent& agent, Wanted wanted,
                                                std::function<void(Position)> on_progress) {
    return std::make_unique<RestoreRun>(*this, agent, std::move(wanted), std::move(on_progress));
}

void Places::note_damaged(const std::string& name, const std::string& reason) {
    damaged_.insert(name);
    tell({MemoryEventKind::kDamaged, name, 0, 0, reason});
}

void Places::begin_reading(ResidentAgent& agent, std::span<const Token> prompt) {
    agent.reading = prompt;
    agent.reading_number = ++readings_;
}

// Only those that began before it, so that nobody waits for somebody who waits for him.
Leader Places::find_leader(const ResidentAgent& follower, const Wanted& wanted, Position least) {
    Leader best{nullptr, least};
    residency_.for_each([&](ResidentAgent& agent) {
        const bool is_before = !agent.reading.empty() && agent.reading_number < follower.reading_number;
        if (&agent == &follower || !is_before) return;
        const Position shared = std::min(common_prefix(agent.reading, wanted.tokens), wanted.reuse_max);
        if (shared > best.shared) best = {&agent, shared};
    });
    return best;
}

// An agent that was forked finds the source here, a new one who has its system prompt, a branch the main
// line. Before the floor the holder's window or state is gone: there a copy cannot end.
Leader Places::find_holder(const ResidentAgent* follower, const Wanted& wanted) {
    Leader best;
    if (restore_ == RestorePolicy::kFromDisk) return best;
    residency_.for_each([&](ResidentAgent& agent) {
        if (&agent == follower || agent.busy == AgentState::kRestoring) return;
        const Position shared = std::min(common_prefix(agent.rows, wanted.tokens), wanted.reuse_max);
        if (shared <= best.shared || shared < context_.engine.rewind_floor(agent.sequence)) return;
        best = {&agent, shared};
    });
    return best;
}

Status Places::fork_rows(const Leader& leader, ResidentAgent& follower, const Wanted& wanted) {
    KVASIR_TRY(reset(follower));
    KVASIR_TRY(context_.engine.fork(leader.agent->sequence, follower.sequence, leader.shared));
    const auto rows = wanted.tokens.first(leader.shared);
    follower.rows.assign(rows.begin(), rows.end());
    follower.durable_at.reset();
    return {};
}

void Places::note_collected(AgentId agent) {
    residency_.for_each([&](ResidentAgent& resident) {
        if (resident.record.id == agent) resident.durable_at.reset();
    });
}

void Places::let_copy(ResidentAgent& agent, Position kept) {
    if (agent.copying != nullptr) agent.copying->copy_beyond(kept);
}

// An empty sequence, whatever could not be rewound.
Status Places::reset(ResidentAgent& agent) {
    let_copy(agent, 0);
    agent.forget_after(0);
    agent.windows.clear();
    if (context_.engine.length(agent.sequence) == 0 && context_.engine.append_cells(agent.sequence) == 0)
        return {};
    context_.engine.close_sequence(agent.sequence);
    auto sequence = context_.engine.open_sequence();
    if (!sequence) return fail(std::move(sequence).error());
    agent.sequence = *sequence;
    return {};
}

Status Places::reuse_own(ResidentAgent& agent, Position position) {
    if (position == agent.length()) return {};
    if (position < context_.engine.rewind_floor(agent.sequence)) {
        return fail(ErrorCode::kInvalidArgument, "the window rows there are gone");
    }
    let_copy(agent, position);
    KVASIR_TRY(context_.engine.rewind(agent.sequence, position));
    agent.forget_after(position);
    return {};
}

void Places::drop(ResidentAgent& agent) {
    let_copy(agent, 0);
    context_.engine.close_sequence(agent.sequence);
    residency_.remove(agent);
}

void Places::note_change(const std::string& name, const AgentRecord& record) {
    for (ResidentAgent* agent : residency_.find_all(name)) {
        agent->record.name = record.name;
        agent->record.pinned = record.pinned;
    }
    if (damaged_.erase(name) > 0) damaged_.insert(record.name);
    history_->rename(name, record.name);
}

SaveResult Places::evict(ResidentAgent& agent) {
    SaveResult result = save(agent);
    tell({MemoryEventKind::kEvicted, agent.record.name, agent.length(), result.save_ms, {}});
    drop(agent);
    return result;
}

Places::Evicted Places::evict_one(const Spared& spared) {
    ResidentAgent* leaving = residency_.least_recent(spared);
    if (leaving == nullptr) return Evicted::kNobody;
    SaveResult saved = evict(*leaving);
    if (!saved.warning.empty()) warnings_.push_back(std::move(saved.warning));
    return Evicted::kOne;
}

std::vector<std::string> Places::take_warnings() { return std::exchange(warnings_, {}); }

ResidentAgent* Places::find_place(const Conversation& conversation, std::span<const Token> tokens) {
    ResidentAgent* best = nullptr;
    Position best_shared = 0;
    for (ResidentAgent* agent : residency_.find_all(conversation.agent.name)) {
        if (agent->busy) continue;
        const bool goes_on = conversation.agent.head == conversation.parent();
        if (goes_on && agent->branch == conversation.branch()) return agent;
        // Another line: taken over only when little is lost by it, so that a side call leaves the main line
        // alone.
        const Position shared = common_prefix(agent->rows, tokens);
        const bool unsaved = agent->writing != nullptr && !agent->writing->planned();
        if (unsaved && agent->length() - shared > kUnsavedTokensLostMax) continue;
        if (2 * shared < agent->length() || shared < best_shared) continue;
        best = agent;
        best_shared = shared;
    }
    return best;
}

Error Places::all_busy() const {
    return {ErrorCode::kUnavailable, "all " + std::to_string(agents_max_) +
                                         " places of resident agents are busy: try again later, or raise "
                                         "--max-agents"};
}

Status Places::check_room(const std::string& name) {
    if (residency_.size() < agents_max_ || residency_.least_recent({.name = name}) != nullptr) return {};
    return fail(all_busy());
}

Status Places::make_way(const std::string& name) {
    return evict_one({.name = name}) == Evicted::kNobody ? Status(fail(all_busy())) : Status();
}

bool Places::anybody_busy() const {
    const auto& agents = residency_.agents();
    return std::any_of(agents.begin(), agents.end(),
                       [](const ResidentAgent& agent) { return agent.busy.has_value(); });
}

std::uint64_t Places::cells_promised() const {
    std::uint64_t cells = 0;
    for (const ResidentAgent& agent : residency_.agents()) {
        if (!agent.idle()) cells += std::max<std::uint64_t>(agent.cells_promised, agent.length());
    }
    return cells;
}

std::uint64_t Places::cells_written(const std::string& beside) const {
    std::uint64_t cells = 0;
    for (const ResidentAgent& agent : residency_.agents()) {
        if (!agent.busy && agent.writing != nullptr && agent.record.name != beside) cells += agent.length();
    }
    return cells;
}

Result<ResidentAgent*> Places::make_place(const Conversation& conversation, std::span<const Token> tokens) {
    Spared spared{.name = conversation.agent.name};
    // Whoever holds all that is stored of it: a copy then costs nothing.
    const Leader holder = find_holder(nullptr, {tokens, static_cast<Position>(tokens.size()), {}});
    if (holder.shared > 0 && holder.shared >= conversation.rows_end()) spared.rather = holder.agent;
    while (residency_.size() >= agents_max_) {
        if (evict_one(spared) == Evicted::kNobody) return fail(all_busy());
    }
    auto sequence = context_.engine.open_sequence();
    while (!sequence && sequence.error().code == ErrorCode::kUnavailable) {
        if (evict_one(spared) == Evicted::kNobody) return fail(all_busy());
        sequence = context_.engine.open_sequence();
    }
    if (!sequence) return fail(std::move(sequence).error());
    ResidentAgent agent;
    agent.sequence = *sequence;
    return &residency_.add(std::move(agent));
}

Result<ResidentAgent*> Places::take(const Conversation& conversation, std::span<const Token> tokens) {
    ResidentAgent* agent = find_place(conversation, tokens);
    if (agent == nullptr) {
        KVASIR_TRY_ASSIGN(agent, make_place(conversation, tokens));
    }
    if (agent->writing != nullptr) agent->writing->let_go();
    agent->record = conversation.agent;
    if (agent->branch != conversation.branch()) {
        agent->branch = conversation.branch();
        agent->durable_at.reset();  // that was noted for another branch
    }
    residency_.touch(*agent);
    agent->busy = AgentState::kActive;
    return agent;
}

ResidentAgent* Places::find_idle(const std::string& name, BranchId branch) {
    for (ResidentAgent* agent : residency_.find_all(name)) {
        if (agent->idle() && agent->branch == branch) return agent;
    }
    return nullptr;
}

Result<ResidentAgent*> Places::take_own(const Conversation& conversation) {
    ResidentAgent* agent = find_idle(conversation.agent.name, conversation.branch());
    if (agent == nullptr) return fail(ErrorCode::kUnavailable, "it has no place of its own just now");
    agent->busy = AgentState::kActive;
    agent->rows_of = RowsOf::kNextPrompt;
    return agent;
}

// Whose place nobody has taken since: it may leave then. False: there is none.
bool Places::end_a_save() {
    const auto& agents = residency_.agents();
    const auto written = std::find_if(agents.begin(), agents.end(), [](const ResidentAgent& agent) {
        return !agent.busy && agent.writing != nullptr;
    });
    if (written == agents.end()) return false;
    written->writing->finish_all();
    return true;
}

Status Places::decode(std::span<const BatchRow> rows) {
    Status status = context_.engine.decode(rows);
    while (!status && status.error().code == ErrorCode::kOutOfMemory) {
        if (evict_one({}) == Evicted::kNobody && !end_a_save()) break;
        status = context_.engine.decode(rows);
    }
    return status;
}

void Places::roll_back(ResidentAgent& agent, std::span<const Token> committed) {
    const Position shared = common_prefix(agent.rows, committed);
    release(agent);
    if (shared > 0 && reuse_own(agent, shared)) return;
    drop(agent);
}

}  // namespace kvasir
