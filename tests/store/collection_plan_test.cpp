// Which blocks go first, which never.
#include "store/collection_plan.h"

#include <gmock/gmock.h>

#include "base/limits.h"
#include "store/catalog_fixture.h"

namespace kvasir::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::int64_t kNowMs = 1000 * kHourMs;

CollectionEntry entry(std::uint32_t number, std::optional<std::uint32_t> parent, Position begin) {
    CollectionEntry made;
    made.name = digest_of(number);
    if (parent) made.parent = digest_of(*parent);
    made.range = {begin, begin + kBlockTokens};
    made.bytes = 100;
    made.last_used_unix_ms = kNowMs;
    return made;
}

CollectionEntry needed(CollectionEntry made, std::int64_t agent_used_unix_ms) {
    made.need = BlockNeed::kAgents;
    made.agent_used_unix_ms = agent_used_unix_ms;
    return made;
}

std::vector<std::uint32_t> order(const std::vector<CollectionEntry>& entries, CollectionGoal goal = {},
                                 const std::vector<std::uint32_t>& held = {}) {
    if (goal.bytes == 0) goal.bytes = UINT64_MAX;
    goal.now_unix_ms = kNowMs;
    const auto is_held = [&](const BlockName& name) {
        return std::any_of(held.begin(), held.end(),
                           [&](std::uint32_t number) { return digest_of(number) == name; });
    };
    std::vector<std::uint32_t> numbers;
    for (const Victim& victim : plan_collection(entries, is_held, goal)) {
        std::uint32_t number = 0;
        std::memcpy(&number, victim.name.bytes.data(), sizeof number);
        numbers.push_back(number);
    }
    return numbers;
}

TEST(CollectionPlanTest, LeavesGoBeforeWhatTheyStandOn) {
    EXPECT_THAT(order({entry(1, {}, 0), entry(2, 1, 256), entry(3, 2, 512)}), ElementsAre(3, 2, 1));
    EXPECT_THAT(order({entry(1, {}, 0), entry(2, 1, 256), entry(3, 2, 512)}, {}, {3}), IsEmpty());
    EXPECT_THAT(order({entry(1, {}, 0), entry(2, 1, 256), entry(3, 1, 256)}, {}, {3}), ElementsAre(2));
}

TEST(CollectionPlanTest, WhatNobodyNeedsGoesBeforeAnyAgentsKv) {
    const std::vector<CollectionEntry> entries = {needed(entry(1, {}, 0), kNowMs - 900 * kHourMs),
                                                  entry(2, {}, 0)};
    EXPECT_THAT(order(entries), ElementsAre(2, 1));
    EXPECT_THAT(order(entries, {.depth = CollectionDepth::kUnneeded}), ElementsAre(2));
}

TEST(CollectionPlanTest, TheColdestAgentGoesFirstFromItsEnd) {
    const auto of = [](std::int64_t hours, CollectionEntry made) {
        return needed(std::move(made), kNowMs - hours * kHourMs);
    };
    CollectionEntry window = of(9, entry(13, 12, 400));
    window.kind = BlockKind::kWindow;
    window.range.end = 512;
    EXPECT_THAT(order({of(1, entry(1, {}, 0)), of(1, entry(2, 1, 256)), of(9, entry(11, {}, 0)),
                       of(9, entry(12, 11, 256)), window}),
                ElementsAre(13, 12, 11, 2, 1));
    EXPECT_THAT(order({of(1, entry(1, {}, 0)), of(9, entry(11, {}, 0))},
                      {.colder_than_unix_ms = kNowMs - 5 * kHourMs}),
                ElementsAre(11));
}

TEST(CollectionPlanTest, ASharedBlockIsAsWarmAsTheWarmestThatNeedsIt) {
    // 1 is shared by a cold agent (2 hangs on it) and a warm one.
    EXPECT_THAT(order({needed(entry(1, {}, 0), kNowMs - 1), needed(entry(2, 1, 256), kNowMs - 900),
                       needed(entry(3, {}, 0), kNowMs - 500)}),
                ElementsAre(2, 3, 1));
}

TEST(CollectionPlanTest, AgeHitsAndCostDecideAmongWhatNobodyNeeds) {
    CollectionEntry old = entry(1, {}, 0);
    old.last_used_unix_ms = kNowMs - 100 * kHourMs;
    CollectionEntry often = entry(2, {}, 0);
    often.last_used_unix_ms = kNowMs - 100 * kHourMs;
    often.hits = 50;
    CollectionEntry deep = entry(3, 9, 30 * kBlockTokens);  // what it stands on is gone
    CollectionEntry big = entry(4, {}, 0);
    big.bytes = 100'000;
    EXPECT_THAT(order({old, often, deep, big, entry(5, {}, 0)}), ElementsAre(4, 1, 2, 5, 3));
}

TEST(CollectionPlanTest, PinnedAgentsKeepTheirs) {
    CollectionEntry pinned = entry(2, 1, 256);
    pinned.need = BlockNeed::kPinnedAgent;
    EXPECT_THAT(order({entry(1, {}, 0), pinned, entry(3, {}, 0)}), ElementsAre(3));
}

TEST(CollectionPlanTest, NoMoreThanWanted) {
    const std::vector<CollectionEntry> entries = {entry(1, {}, 0), entry(2, 1, 256), entry(3, 2, 512)};
    EXPECT_THAT(order(entries, {.bytes = 1}), ElementsAre(3));
    EXPECT_THAT(order(entries, {.bytes = 101}), ElementsAre(3, 2));
}

TEST(CollectionPlanTest, WhatBecameNeededSinceStays) {
    const Victim unneeded{BlockKind::kAppend, digest_of(1), 100, BlockNeed::kNobody, 0};
    const Victim cold{BlockKind::kAppend, digest_of(1), 100, BlockNeed::kAgents, 500};
    EXPECT_TRUE(may_go(unneeded, {true, false, false, BlockNeed::kNobody, 0}));
    EXPECT_FALSE(may_go(unneeded, {true, false, false, BlockNeed::kAgents, 1}));
    EXPECT_TRUE(may_go(cold, {true, false, false, BlockNeed::kAgents, 500}));
    EXPECT_FALSE(may_go(cold, {true, false, false, BlockNeed::kAgents, 501}));
    EXPECT_FALSE(may_go(cold, {true, false, false, BlockNeed::kPinnedAgent, 500}));
    EXPECT_FALSE(may_go(cold, {true, true, false, BlockNeed::kNobody, 0}));
    EXPECT_FALSE(may_go(cold, {true, false, true, BlockNeed::kNobody, 0}));
    EXPECT_FALSE(may_go(cold, {false, false, false, BlockNeed::kNobody, 0}));
}

}  // namespace
}  // namespace kvasir::test
