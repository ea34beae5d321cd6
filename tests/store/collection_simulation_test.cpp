// Collection against writers and readers, on a store that is simulated: between choosing a victim and letting
// it go, agents speak, save, restore, are pinned and erased. No block may go that somebody reads, is about to
// refer to, stands on, or has come to need. The decisions are those of collection_plan.cpp; what is live is
// known here on its own.
#include <deque>
#include <iostream>
#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "base/limits.h"
#include "store/block_holds.h"
#include "store/catalog_fixture.h"
#include "store/collection_plan.h"

namespace kvasir::test {
namespace {

enum class Variant { kReal, kWithoutHolds, kWithoutASecondLook };

constexpr std::uint32_t kAgents = 24;
constexpr std::size_t kChainMax = 12;
constexpr std::uint64_t kBlockBytes = 1000;
constexpr std::uint64_t kBudgetBlocks = 120;

struct Block {
    std::uint32_t number = 0;
    std::optional<std::uint32_t> parent;
    std::set<std::uint32_t> agents;  // that need it now
    std::uint64_t hits = 0;
    std::int64_t last_used = 0;
    Position begin = 0;
};

struct Agent {
    std::vector<std::uint32_t> chain;  // of block numbers, stored or not
    std::int64_t last_used = 0;
    bool pinned = false;
};

// A save that refers to `chain` at its end, or a restore that reads it, a block a step.
struct InFlight {
    bool saves = false;
    std::uint32_t agent = 0;
    std::vector<std::uint32_t> chain;
    std::size_t next = 0;
    BlockHold hold;
};

class Simulation {
  public:
    Simulation(std::uint32_t seed, Variant variant) : random_(seed), variant_(variant) {}

    void run(std::uint64_t decisions) {
        while (decisions_ < decisions) {
            ++now_;
            switch (pick(10)) {
                case 0:
                    begin_save();
                    break;
                case 1:
                    begin_restore();
                    break;
                case 2:
                    change_agent();
                    break;
                case 3:
                case 4:
                case 5:
                    go_on();
                    break;
                default:
                    decide();
            }
        }
    }
    std::uint64_t decisions() const { return decisions_; }
    std::uint64_t collected() const { return collected_; }
    std::uint64_t live_deleted() const { return live_deleted_; }
    std::uint64_t operations() const { return operations_; }
    std::uint64_t kept() const { return decisions_ - collected_; }

  private:
    std::uint32_t pick(std::uint32_t n) { return static_cast<std::uint32_t>(random_() % n); }

    BlockHold hold(const std::vector<std::uint32_t>& chain) {
        std::vector<BlockName> names;
        for (const std::uint32_t number : chain) names.push_back(digest_of(number));
        return holds_.hold(std::move(names));
    }

    void begin_save() {
        if (in_flight_.size() > 6) return;
        const std::uint32_t id = pick(kAgents);
        Agent& agent = agents_[id];
        agent.last_used = now_;
        // Begins anew, with what others begin with, or goes on.
        if (agent.chain.empty() || agent.chain.size() >= kChainMax) {
            const Agent& other = agents_[pick(kAgents)];
            const std::size_t shared =
                other.chain.empty() ? 0 : pick(static_cast<std::uint32_t>(other.chain.size()));
            agent.chain.assign(other.chain.begin(),
                               other.chain.begin() + static_cast<std::ptrdiff_t>(shared));
        }
        for (std::uint32_t added = 1 + pick(2); added > 0; --added) agent.chain.push_back(++last_number_);
        in_flight_.push_back({true, id, agent.chain, 0, hold(agent.chain)});
    }

    void begin_restore() {
        if (in_flight_.size() > 6) return;
        const std::uint32_t id = pick(kAgents);
        std::vector<std::uint32_t> stored;
        for (const std::uint32_t number : agents_[id].chain) {
            if (!blocks_.contains(number)) break;
            stored.push_back(number);
        }
        if (stored.empty()) return;
        agents_[id].last_used = now_;
        BlockHold held = hold(stored);
        in_flight_.push_back({false, id, std::move(stored), 0, std::move(held)});
    }

    void change_agent() {
        const std::uint32_t id = pick(kAgents);
        switch (pick(4)) {
            case 0:
                agents_[id].pinned = !agents_[id].pinned && pick(4) == 0;
                break;
            case 1:
                if (pick(4) == 0) forget(id);
                break;
            default:
                agents_[id].last_used = now_;
        }
    }

    // Erased, or gone on elsewhere: its blocks stay as prefixes that nobody needs.
    void forget(std::uint32_t id) {
        agents_[id] = {};
        for (auto& [number, block] : blocks_) block.agents.erase(id);
    }

    void go_on() {
        if (in_flight_.empty()) return;
        ++operations_;
        const auto at = in_flight_.begin() + pick(static_cast<std::uint32_t>(in_flight_.size()));
        if (at->next < at->chain.size()) {
            const std::uint32_t number = at->chain[at->next];
            if (!at->saves) {
                live_deleted_ += blocks_.contains(number) ? 0U : 1U;
                if (blocks_.contains(number)) ++blocks_[number].hits, blocks_[number].last_used = now_;
            } else if (!blocks_.contains(number)) {
                Block block;
                block.number = number;
                if (at->next > 0) block.parent = at->chain[at->next - 1];
                block.last_used = now_;
                block.begin = static_cast<Position>(at->next) * kBlockTokens;
                blocks_[number] = block;
            }
            ++at->next;
            return;
        }
        if (at->saves && agents_[at->agent].chain == at->chain) refer(*at);
        in_flight_.erase(at);
    }

    void refer(const InFlight& save) {
        for (auto& [number, block] : blocks_) block.agents.erase(save.agent);
        for (const std::uint32_t number : save.chain) {
            const auto block = blocks_.find(number);
            live_deleted_ += block == blocks_.end() ? 1U : 0U;  // it counted on it
            if (block != blocks_.end()) block->second.agents.insert(save.agent);
        }
    }

    BlockNeed need_of(const Block& block, std::int64_t& used) const {
        BlockNeed need = BlockNeed::kNobody;
        used = 0;
        for (const std::uint32_t id : block.agents) {
            const Agent& agent = agents_.at(id);
            used = std::max(used, agent.last_used);
            if (agent.pinned)
                need = BlockNeed::kPinnedAgent;
            else if (need == BlockNeed::kNobody)
                need = BlockNeed::kAgents;
        }
        return need;
    }

    bool has_children(std::uint32_t number) const {
        return std::any_of(blocks_.begin(), blocks_.end(),
                           [&](const auto& other) { return other.second.parent == number; });
    }

    IsHeld is_held() const {
        return [this](const BlockName& name) {
            return variant_ != Variant::kWithoutHolds && holds_.contains(name);
        };
    }

    void choose() {
        std::vector<CollectionEntry> entries;
        for (const auto& [number, block] : blocks_) {
            CollectionEntry entry;
            entry.name = digest_of(number);
            if (block.parent) entry.parent = digest_of(*block.parent);
            entry.range = {block.begin, block.begin + kBlockTokens};
            entry.bytes = kBlockBytes;
            entry.hits = block.hits;
            entry.last_used_unix_ms = block.last_used;
            entry.need = need_of(block, entry.agent_used_unix_ms);
            entries.push_back(entry);
        }
        CollectionGoal goal;
        const std::uint64_t over = blocks_.size() > kBudgetBlocks ? blocks_.size() - kBudgetBlocks : 0;
        goal.bytes = (over + 8) * kBlockBytes;
        goal.depth = pick(3) == 0 ? CollectionDepth::kUnneeded : CollectionDepth::kColdAgents;
        goal.now_unix_ms = now_;
        const auto victims = plan_collection(entries, is_held(), goal);
        victims_.assign(victims.begin(), victims.end());
    }

    // Known on its own: by what is in flight and what agents need, not by holds and facts.
    bool is_live(std::uint32_t number, const Victim& victim) const {
        for (const InFlight& one : in_flight_) {
            if (std::find(one.chain.begin(), one.chain.end(), number) != one.chain.end()) return true;
        }
        std::int64_t used = 0;
        const BlockNeed need = need_of(blocks_.at(number), used);
        const bool needed_since = need != BlockNeed::kNobody &&
                                  (victim.need == BlockNeed::kNobody || used > victim.agent_used_unix_ms);
        return need == BlockNeed::kPinnedAgent || needed_since || has_children(number);
    }

    void decide() {
        if (victims_.empty()) return choose();
        const Victim victim = victims_.front();
        victims_.pop_front();
        ++decisions_;
        std::uint32_t number = 0;
        std::memcpy(&number, victim.name.bytes.data(), sizeof number);
        const auto block = blocks_.find(number);
        VictimFacts facts;
        facts.is_stored = block != blocks_.end();
        if (!facts.is_stored) return;
        facts.has_children = has_children(number);
        facts.is_held = is_held()(victim.name);
        facts.need = need_of(block->second, facts.agent_used_unix_ms);
        if (variant_ != Variant::kWithoutASecondLook && !may_go(victim, facts)) return;
        live_deleted_ += is_live(number, victim) ? 1U : 0U;
        ++collected_;
        blocks_.erase(block);
    }

    std::mt19937 random_;
    Variant variant_;
    std::int64_t now_ = 1'000'000;
    std::uint32_t last_number_ = 0;
    std::map<std::uint32_t, Block> blocks_;
    std::map<std::uint32_t, Agent> agents_ = [] {
        std::map<std::uint32_t, Agent> agents;
        for (std::uint32_t id = 0; id < kAgents; ++id) agents[id] = {};
        return agents;
    }();
    BlockHolds holds_;
    std::vector<InFlight> in_flight_;
    std::deque<Victim> victims_;
    std::uint64_t decisions_ = 0;
    std::uint64_t collected_ = 0;
    std::uint64_t live_deleted_ = 0;
    std::uint64_t operations_ = 0;
};

void expect_no_live_block_deleted(std::uint64_t decisions) {
    Simulation simulation(1, Variant::kReal);
    simulation.run(decisions);
    EXPECT_EQ(simulation.live_deleted(), 0u);
    EXPECT_GT(simulation.collected(), decisions / 4);
    EXPECT_GT(simulation.kept(), decisions / 100) << "nothing ever came between";
    std::cout << "[ figure   ] collection: " << simulation.decisions() << " decisions, "
              << simulation.collected() << " blocks collected, " << simulation.kept()
              << " left because the world had gone on, beside " << simulation.operations()
              << " steps of writers and readers; " << simulation.live_deleted() << " live blocks deleted\n";
}

TEST(CollectionSimulationTest, NoLiveBlockGoes) { expect_no_live_block_deleted(100'000); }
TEST(SoakCollectionSimulationTest, NoLiveBlockGoes) { expect_no_live_block_deleted(2'000'000); }

TEST(CollectionSimulationTest, ControlsDeleteLiveBlocks) {
    for (const Variant variant : {Variant::kWithoutHolds, Variant::kWithoutASecondLook}) {
        Simulation simulation(1, variant);
        simulation.run(20'000);
        EXPECT_GT(simulation.live_deleted(), 0u);
        std::cout << "[ control  ] collection "
                  << (variant == Variant::kWithoutHolds ? "without holds" : "without a second look") << ": "
                  << simulation.live_deleted() << " live blocks deleted in " << simulation.decisions()
                  << " decisions\n";
    }
}

}  // namespace
}  // namespace kvasir::test
