// Power cuts at every call that changes files: what was not synced is gone, in part there, in another order,
// or torn. No acknowledged turn may be missing, and no KV file that the catalog knows may be damaged or
// missing.
#include <algorithm>
#include <iostream>

#include "durable/power.h"
#include "durable/script.h"
#include <gtest/gtest.h>

namespace kvasir::test {
namespace {

struct Losses {
    std::size_t states = 0;
    std::size_t with_turns_lost = 0;
    std::size_t with_blocks_lost = 0;  // damaged or missing, though the catalog knows them
    std::size_t wrong_answers = 0;
    std::size_t unusable = 0;  // does not open
    std::string first;
};

Script everything() {
    Script all = talking();
    for (const Script& more : {collecting(), erasing(), recovering()})
        all.insert(all.end(), more.begin(), more.end());
    return all;
}

void note(Losses& losses, std::size_t& count, const CutState& state, const std::string& what) {
    ++count;
    if (losses.first.empty())
        losses.first = what + " (seed " + std::to_string(state.seed) + ", after " +
                       std::to_string(state.acknowledged) + " operations)";
}

// A store opened on what the cut left.
void look_into(CutState& state, const std::string& root, const Script& script, Losses& losses) {
    ++losses.states;
    Scratch::remove(root);
    Scratch::copy(state.catalog_directory, root);
    NodeOptions options;
    options.root = root;
    options.files = state.files.get();
    options.engine = durable_engine(true);
    // The paths in that file system are those of the store that lost its power.
    auto node = Node::open(options);
    if (!node) return note(losses, losses.unusable, state, node.error().message);
    const Status catalog = (*node)->store().catalog().check();
    const auto wrong = compare_after_kill(**node, {}, script, state.acknowledged);
    if (!catalog || !wrong.empty())
        note(losses, losses.with_turns_lost, state, catalog ? wrong.front() : catalog.error().message);
    const CheckReport report = check(**node, Repair::kNo);
    if (report.damaged + report.missing > 0)
        note(losses, losses.with_blocks_lost, state, report.findings.front().what);
    for (const auto& [agent, texts] : conversations_of(**node)) (*node)->say(agent, "are you well?");
    const auto answers = wrong_answers(**node);
    if (!answers.empty()) note(losses, losses.wrong_answers, state, answers.front());
}

// Runs the script again and again, from other calls on, until so many states were looked into.
Losses cut_power(std::size_t states, BrokenDisk broken) {
    Losses losses;
    const Script script = everything();
    for (std::uint32_t round = 0; losses.states < states; ++round) {
        Scratch scratch;
        PoweredStore powered(scratch, broken);
        std::size_t acknowledged = 0;
        std::string root;
        {
            auto node = powered.open();
            if (!node) throw std::runtime_error(node.error().message);
            root = (*node)->store().root();
            powered.cut_every(1 + round % 3, 400, [&] { return acknowledged; });
            run_script(**node, script, [&](std::size_t op, bool good) {
                EXPECT_TRUE(good) << "operation " << op;
                acknowledged = op + 1;
            });
        }
        for (CutState& state : powered.states()) {
            if (losses.states < states) look_into(state, root, script, losses);
        }
    }
    return losses;
}

void expect_nothing_lost(std::size_t states) {
    const Losses losses = cut_power(states, BrokenDisk::kNo);
    EXPECT_EQ(losses.states, states);
    EXPECT_EQ(losses.with_turns_lost, 0u) << losses.first;
    EXPECT_EQ(losses.with_blocks_lost, 0u) << losses.first;
    EXPECT_EQ(losses.wrong_answers, 0u) << losses.first;
    EXPECT_EQ(losses.unusable, 0u) << losses.first;
    std::cout << "[ figure   ] power cuts: " << losses.states << " states; " << losses.with_turns_lost
              << " with turns lost, " << losses.with_blocks_lost << " with torn or missing KV accepted, "
              << losses.wrong_answers << " with wrong answers, " << losses.unusable << " that do not open\n";
}

TEST(PowerCutTest, NothingAcknowledgedIsLost) { expect_nothing_lost(120); }
TEST(SoakPowerCutTest, NothingAcknowledgedIsLost) { expect_nothing_lost(5'000); }

TEST(PowerCutTest, ControlWithoutTheSyncOfDirectoriesKvIsLost) {
    const Losses losses = cut_power(60, BrokenDisk::kNoDirectorySync);
    EXPECT_GT(losses.with_blocks_lost, 5u);
    std::cout << "[ control  ] power cuts without the sync of directories: " << losses.with_blocks_lost
              << " of " << losses.states << " states lost KV that the catalog knew\n";
}

TEST(PowerCutTest, ControlWithoutTheSyncOfTheCatalogTurnsAreLost) {
    const Losses losses = cut_power(60, BrokenDisk::kNoCatalogSync);
    EXPECT_GT(losses.with_turns_lost + losses.unusable, 5u);
    std::cout << "[ control  ] power cuts without the sync of the catalog: "
              << losses.with_turns_lost + losses.unusable << " of " << losses.states
              << " states lost turns\n";
}

}  // namespace
}  // namespace kvasir::test
