// A disk budget that is too small for everybody: it holds while files are written, the coldest pay, and
// nobody loses a word.
#include <algorithm>
#include <filesystem>
#include <functional>
#include <iostream>
#include <mutex>

#include "memory/turn_run.h"
#include "memory/world.h"
#include "store/paths.h"

namespace kvasir::test {
namespace {

// Everything that the budget is for: blocks of all kinds, temporaries, quarantine, and the WAL.
std::uint64_t bytes_on_disk(const std::string& root) {
    std::uint64_t bytes = 0;
    std::error_code gone;  // files come and go meanwhile
    for (std::filesystem::recursive_directory_iterator entry(root, gone), end; entry != end;
         entry.increment(gone)) {
        if (!entry->is_regular_file(gone)) continue;
        const std::string path = entry->path().string();
        const bool apart =
            path == catalog_path(root) || path == reserve_path(root) || path == lock_path(root);
        const std::uint64_t size = entry->file_size(gone);
        if (!apart && !gone) bytes += size;
    }
    return bytes;
}

// Calls `look` between two blocks of a save, where the store may be asked.
class WatchedEngine final : public ForwardingEngine {
  public:
    WatchedEngine(std::unique_ptr<Engine> inner, const std::function<void()>& look)
        : ForwardingEngine(std::move(inner)), look_(look) {}
    Status export_rows(SequenceId sequence, Plane plane, TokenRange range,
                       std::vector<std::byte>& image) override {
        if (look_) look_();
        return ForwardingEngine::export_rows(sequence, plane, range, image);
    }

  private:
    const std::function<void()>& look_;
};

// The highest that was seen, after every file that was written.
class DiskWatch {
  public:
    DiskWatch(World& world, std::function<void()>& between_blocks)
        : world_(world), between_blocks_(between_blocks) {
        world.disk().after_write = [this] { look_at_disk(); };
        between_blocks = [this] { look(); };
    }
    ~DiskWatch() {
        world_.disk().after_write = nullptr;
        between_blocks_ = nullptr;
    }
    DiskWatch(const DiskWatch&) = delete;
    DiskWatch& operator=(const DiskWatch&) = delete;
    void look_at_disk() {  // any thread
        const std::uint64_t bytes = bytes_on_disk(world_.root());
        const std::lock_guard lock(mutex_);
        highest_ = std::max(highest_, bytes);
    }
    void look() {
        look_at_disk();
        if (!world_.running()) return;
        const auto usage = world_.store().usage();
        ASSERT_TRUE(usage);
        highest_promised_ = std::max(highest_promised_, usage->counted_bytes + usage->reserved_bytes);
    }
    std::uint64_t highest() const {
        const std::lock_guard lock(mutex_);
        return highest_;
    }
    // By the store's own account, with what saves have reserved and not yet written.
    std::uint64_t highest_promised() const { return highest_promised_; }

  private:
    World& world_;
    std::function<void()>& between_blocks_;
    mutable std::mutex mutex_;  // guards highest_
    std::uint64_t highest_ = 0;
    std::uint64_t highest_promised_ = 0;
};

constexpr std::uint64_t kBudget = 5'000'000;  // an eighth for the WAL

class Collecting : public MemoryTest {
  protected:
    WorldOptions small_disk() const {
        WorldOptions small = options();
        small.disk_budget_bytes = kBudget;
        small.engine.key_row_bytes = 512;  // a block of 256 tokens: 400 KB and more
        small.engine.value_row_bytes = 256;
        small.decorate = [this](std::unique_ptr<Engine> inner) {
            return std::make_unique<WatchedEngine>(std::move(inner), between_blocks_);
        };
        return small;
    }

    std::function<void()> between_blocks_;
};
KVASIR_BOTH_MODELS(Collecting);

TEST_P(Collecting, TheColdestPayAndNobodyLosesAWord) {
    World world(small_disk());
    DiskWatch watch(world, between_blocks_);
    for (char name = 'a'; name < 'a' + 12; ++name) {
        world.create(std::string("agent-") + name, words(200, name));
        const TurnResult turn = world.say(std::string("agent-") + name, words(300, name));
        EXPECT_EQ(turn.durability, Durability::kTokensAndKv) << name << ": " << turn.warning;
    }
    EXPECT_LE(watch.highest(), kBudget);
    EXPECT_GT(watch.highest(), kBudget * 7 / 10) << "the budget was never asked for";
    world.restart();
    const TurnResult warm = world.say("agent-l", "do you remember?");
    EXPECT_EQ(warm.metrics.not_reused_reason, "");
    const TurnResult cold = world.say("agent-a", "do you remember?");
    EXPECT_EQ(cold.metrics.not_reused_reason, "not_stored");
    EXPECT_EQ(cold.durability, Durability::kTokensAndKv) << cold.warning;
}

void churn(World& world, DiskWatch& watch, int rounds) {
    for (int round = 0; round < rounds; ++round) {
        const std::string name = "agent-" + std::to_string(round % 9);
        const char letter = static_cast<char>('a' + round % 9);
        if (!world.memory().show(name)) world.create(name, words(150, letter));
        world.say(name, words(90, letter));
        if (round % 13 == 12) {
            ASSERT_TRUE(world.memory().remove(name));
            world.exact().remove(name);
        }
        if (round % 20 == 19) world.restart();
        watch.look();
    }
}

void expect_budget_under_churn(World& world, DiskWatch& watch, const char* model, int rounds) {
    churn(world, watch, rounds);
    EXPECT_LE(watch.highest(), kBudget);
    EXPECT_LE(watch.highest_promised(), kBudget);
    EXPECT_GT(watch.highest(), kBudget / 2) << "the budget was never asked for";
    std::cout << "[ figure   ] budget under churn, " << model << " model, " << rounds << " rounds: at most "
              << watch.highest() << ", with reservations " << watch.highest_promised() << " of " << kBudget
              << " bytes\n";
}

TEST_P(Collecting, BudgetHoldsUnderChurn) {
    World world(small_disk());
    DiskWatch watch(world, between_blocks_);
    expect_budget_under_churn(world, watch, GetParam(), 60);
}

class SoakCollecting : public Collecting {};
KVASIR_BOTH_MODELS(SoakCollecting);

TEST_P(SoakCollecting, BudgetHoldsUnderChurn) {
    World world(small_disk());
    DiskWatch watch(world, between_blocks_);
    expect_budget_under_churn(world, watch, GetParam(), 2'000);
}

// The same watch sees a store that has a larger budget than it should.
TEST_P(Collecting, ControlALargerBudgetIsSeen) {
    WorldOptions options = small_disk();
    options.disk_budget_bytes = 3 * kBudget;
    World world(options);
    DiskWatch watch(world, between_blocks_);
    churn(world, watch, 60);
    EXPECT_GT(watch.highest(), kBudget);
}

TEST_P(Collecting, AResidentAgentWhoseFilesWentWritesThemAgain) {
    World world(small_disk());
    world.create("ada", words(200, 'a'));
    world.say("ada", words(100, 'a'));
    ASSERT_EQ(world.memory().show("ada")->state, AgentState::kReady);
    const auto all = world.store().begin_collection({.depth = CollectionDepth::kColdAgents});
    while (!all->done()) ASSERT_TRUE(all->step());
    EXPECT_GT(all->result().files_removed, 0u);
    EXPECT_EQ(all->result().agents, 1u);
    EXPECT_TRUE(world.block_files(BlockKind::kAppend).empty());
    EXPECT_EQ(world.memory().show("ada")->state, AgentState::kPrefilled);
    ASSERT_TRUE(world.memory().evict("ada"));
    world.restart();
    EXPECT_EQ(world.say("ada", "all there?").metrics.not_reused_reason, "");
}

TEST_P(Collecting, WhatARestoreReadsStays) {
    World world(small_disk());
    world.create("ada", words(700, 'a'));
    world.say("ada", "hello");
    world.restart();
    TurnRequest request;
    request.agent = "ada";
    request.messages = {{Role::kUser, "are you there?", {}, {}, {}, {}}};
    request.reading = AnswerReading::kRaw;
    auto turn = world.memory().begin_turn(request, {});
    ASSERT_TRUE(turn) << turn.error().message;
    (*turn)->restore_some();  // plans
    (*turn)->restore_some();
    ASSERT_EQ((*turn)->stage(), TurnStage::kRestore);
    const auto files = world.block_files(BlockKind::kAppend);
    const auto all = world.store().begin_collection({.depth = CollectionDepth::kColdAgents});
    while (!all->done()) ASSERT_TRUE(all->step());
    EXPECT_EQ(world.block_files(BlockKind::kAppend), files);
    (*turn)->restore();
    EXPECT_EQ((*turn)->stage(), TurnStage::kPrefill);
    turn->reset();
    const auto again = world.store().begin_collection({.depth = CollectionDepth::kColdAgents});
    while (!again->done()) ASSERT_TRUE(again->step());
    EXPECT_TRUE(world.block_files(BlockKind::kAppend).empty()) << "control: nothing held them any more";
}

TEST_P(Collecting, NobodyMakesRoomOutOfAWarmerAgent) {
    World world(small_disk());
    for (char name = 'a'; name < 'a' + 12; ++name)
        world.create(std::string("agent-") + name, words(300, name));
    const auto cold = world.store().catalog().agent("agent-a");
    const auto room = world.store().begin_collection(
        {.depth = CollectionDepth::kColdAgents, .colder_than_unix_ms = cold->last_used_unix_ms});
    while (!room->done()) ASSERT_TRUE(room->step());
    EXPECT_EQ(room->result().agents, 0u);
    EXPECT_FALSE(world.block_files(BlockKind::kAppend).empty());
}

}  // namespace
}  // namespace kvasir::test
