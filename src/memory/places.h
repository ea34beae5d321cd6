// The places of resident agents: who gets one, who leaves for it, what rows a newcomer begins with.
//
// When places or cells run out, the least recently used agent leaves: its KV is saved first; if that fails
// its tokens are durable all the same, and a warning is kept for whoever caused it. Engine thread. Closes its
// sequences when it goes.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "memory/conversation.h"
#include "memory/kv_context.h"
#include "memory/kv_loader.h"
#include "memory/kv_rates.h"
#include "memory/prefill.h"
#include "memory/residency.h"
#include "memory/restore_run.h"
#include "memory/reuse_history.h"
#include "memory/save_run.h"
#include "memory/saves_in_flight.h"

namespace kvasir {

struct PlacesOptions {
    std::uint32_t agents_max = kAgentsResidentDefault;
    std::function<void(const MemoryEvent&)> on_event;
    std::shared_ptr<ReuseHistory> history;
    RestorePolicy restore = RestorePolicy::kAlways;
};

class Places {
  public:
    Places(KvContext context, const Clock& clock, PlacesOptions options)
        : context_(context),
          clock_(clock),
          agents_max_(options.agents_max),
          on_event_(std::move(options.on_event)),
          restore_(options.restore),
          loader_(context),
          history_(std::move(options.history)) {
        context_.store.on_agent_collected(this, [this](AgentId agent) { note_collected(agent); });
    }
    ~Places();
    Places(const Places&) = delete;
    Places& operator=(const Places&) = delete;

    // Somebody idle leaves, last of all the one of that name. kUnavailable: there is nobody.
    Status make_way(const std::string& name);
    bool anybody_busy() const;
    std::uint64_t cells_promised() const;  // to running turns, and what is being written
    // Held by places that no turn has and whose files are being written, but for those of that agent.
    std::uint64_t cells_written(const std::string& beside) const;
    // A place for a conversation, with a sequence of its own, most recently used now and busy until
    // release(). The branch's own place if it has one, else an idle one of this agent whose rows mostly begin
    // `tokens`, else a new one. kUnavailable: all places are busy.
    Result<ResidentAgent*> take(const Conversation& conversation, std::span<const Token> tokens);
    // The branch's own place, as it is, for what is read where nobody waits: that is no use of it, and nobody
    // leaves for it. kUnavailable: it has none, or a turn runs on it.
    Result<ResidentAgent*> take_own(const Conversation& conversation);
    ResidentAgent* find_idle(const std::string& name, BranchId branch);
    void release(ResidentAgent& agent) {
        end_reading(agent);
        agent.busy.reset();
        agent.cells_promised = 0;
    }
    // A turn reads `prompt` into it from now on: those that come after it and begin like it wait instead of
    // reading the same. The prompt outlives the reading.
    void begin_reading(ResidentAgent& agent, std::span<const Token> prompt);
    void end_reading(ResidentAgent& agent) {
        agent.reading = {};
        agent.awaited.clear();
    }
    // kUnavailable: no newcomer of that name would get a place now.
    Status check_room(const std::string& name);
    // Makes the agent's sequence hold the longest beginning of `wanted` that can be had: its own rows, those
    // of somebody resident, or stored ones. In steps.
    std::unique_ptr<RestoreRun> begin_reuse(ResidentAgent& agent, Wanted wanted,
                                            std::function<void(Position)> on_progress);
    // Evaluates; when no cells are free, idle ones leave.
    Status decode(std::span<const BatchRow> rows);
    // Cuts the agent's rows back to what `committed` begins with. The agent may lose its place: it is not
    // valid then.
    void roll_back(ResidentAgent& agent, std::span<const Token> committed);

    // In steps, or at once.
    std::unique_ptr<SaveRun> begin_save(ResidentAgent& agent);
    bool is_saving() const { return !saves_.empty(); }
    bool is_saving(const std::string& name) const { return saves_.first_of(name) != nullptr; }
    // What can be saved of that agent now, at once: before somebody shares or takes along what is stored. A
    // warning for each place that could not be.
    std::string save_idle(const std::string& name);
    // At once; whoever steps them finds them done.
    void end_saves(const std::string& name) {
        while (SaveRun* run = saves_.first_of(name)) run->finish_all();
    }
    SaveResult save(ResidentAgent& agent);
    SaveResult evict(ResidentAgent& agent);
    void drop(ResidentAgent& agent);  // without saving
    // It was called `name` before.
    void note_change(const std::string& name, const AgentRecord& record);

    ResidentAgent* find(const std::string& name) { return residency_.find(name); }
    std::vector<ResidentAgent*> find_all(const std::string& name) { return residency_.find_all(name); }
    const Residency& residency() const { return residency_; }
    void for_each_idle(const std::function<void(ResidentAgent&)>& visit) { residency_.for_each_idle(visit); }
    bool is_damaged(const std::string& name) const { return damaged_.contains(name); }
    ReuseHistory& history() { return *history_; }
    RestorePolicy set_restore_policy(RestorePolicy policy) { return std::exchange(restore_, policy); }
    KvRates& rates() { return rates_; }
    const KvRates& rates() const { return rates_; }
    // Measured just now; what is known then goes into the catalog with the next save.
    void note_prefill(Position tokens, double ms);
    void note_restore(Position tokens, double ms);
    void tell(const MemoryEvent& event) const {
        if (on_event_) on_event_(event);
    }
    std::vector<std::string> take_warnings();  // of agents that left without durable KV since the last call

  private:
    void note_saved(const SaveRun& run);
    friend class RestoreRun;  // the part of this that takes many steps
    enum class Evicted { kNobody, kOne };

    Evicted evict_one(const Spared& spared);
    bool end_a_save();
    Error all_busy() const;
    ResidentAgent* find_place(const Conversation& conversation, std::span<const Token> tokens);
    Result<ResidentAgent*> make_place(const Conversation& conversation, std::span<const Token> tokens);
    // Who reads just now more than `least` of them.
    Leader find_leader(const ResidentAgent& follower, const Wanted& wanted, Position least);
    // Who holds most of them, so that they can be copied now. Null: nobody holds any.
    Leader find_holder(const ResidentAgent* follower, const Wanted& wanted);
    Status fork_rows(const Leader& leader, ResidentAgent& follower, const Wanted& wanted);
    // The agent keeps so many rows; what a save wants of the others is copied first.
    void let_copy(ResidentAgent& agent, Position kept);
    Status reset(ResidentAgent& agent);
    Status reuse_own(ResidentAgent& agent, Position position);
    void note_damaged(const std::string& name, const std::string& reason);
    void note_collected(AgentId agent);  // some of its stored KV is gone
    void keep_rates();

    KvContext context_;
    const Clock& clock_;
    std::uint32_t agents_max_;
    std::function<void(const MemoryEvent&)> on_event_;
    RestorePolicy restore_;
    Residency residency_;
    KvLoader loader_;
    std::set<std::string> damaged_;  // stored KV failed verification and is not rewritten yet
    std::vector<std::string> warnings_;
    std::shared_ptr<ReuseHistory> history_;
    KvRates rates_;
    std::uint64_t readings_ = 0;
    SavesInFlight saves_;
};

}  // namespace kvasir
