// What a turn writes, what stays on disk, what agents share.
#include <filesystem>
#include <set>
#include <string>

#include "base/limits.h"
#include "memory/world.h"

namespace kvasir::test {
namespace {

class Saving : public MemoryTest {
  protected:
    WorldOptions roomy() const {
        WorldOptions roomy = options();
        roomy.engine.context_tokens = 10'000;
        roomy.engine.batch_tokens = 512;
        return roomy;
    }
};
KVASIR_BOTH_MODELS(Saving);

AgentId id_of(World& world, const std::string& name) { return world.store().catalog().agent(name)->id; }

TEST_P(Saving, ATurnWritesItsTokensAndAtMostOnePartialBlock) {
    World world(roomy());
    world.create("ada", words(200));
    for (const std::uint32_t context : {1000U, 8000U}) {
        const Position tokens = world.memory().show("ada")->token_count;
        world.say("ada", words(context - tokens - 40));
        for (int i = 0; i < 12; ++i) {
            if (i == 6) world.restart();
            const Position before = world.memory().show("ada")->token_count;
            const TurnResult turn = world.say("ada", words(60));
            const Position added = world.memory().show("ada")->token_count - before;
            EXPECT_LE(turn.metrics.append_rows_written, added + kBlockTokens - 1);
            EXPECT_GE(turn.metrics.append_rows_written, added);
            EXPECT_EQ(turn.metrics.append_bytes_written, turn.metrics.append_rows_written * 48);
            EXPECT_LE(turn.metrics.window_bytes_written, windowed() ? 3U * 32 * 48 : 0U);
        }
    }
    // Nothing superseded stays: the full blocks and one partial one.
    const Position rows = world.memory().show("ada")->cache_tokens;
    EXPECT_EQ(world.block_files(BlockKind::kAppend).size(), (rows + kBlockTokens - 1) / kBlockTokens);
}

TEST_P(Saving, WindowRowsAreKeptAtBoundariesOnly) {
    World world(roomy());
    world.create("ada", words(100));
    for (int i = 0; i < 10; ++i) world.say("ada", words(400));
    std::set<std::pair<Position, Position>> segments;
    std::uint64_t rows = 0;
    const auto blocks = *world.store().catalog().referenced_blocks(id_of(world, "ada"));
    for (const StoredBlock& block : blocks) {
        if (block.kind != BlockKind::kWindow) continue;
        segments.insert({block.range.begin, block.range.end});
        rows += block.range.size();
    }
    EXPECT_EQ(world.block_files(BlockKind::kWindow).size(), segments.size());
    if (!windowed()) {
        EXPECT_TRUE(segments.empty());
        return;
    }
    // System prefix, end of the last message, last prompt, turn end; and of turns before it, at most 24 in
    // all.
    EXPECT_GT(rows, 32U);
    EXPECT_LE(rows, 24U * 32);
    const auto turns = *world.memory().turns("ada");
    const TurnRecord& last = turns.back();
    const Position prompt_end = last.token_begin + last.prompt_token_count;
    const auto generation_prompt = static_cast<Position>(std::string("\x01"
                                                                     "assistant\n")
                                                             .size());
    std::set<Position> ends;
    for (const auto& [begin, end] : segments) ends.insert(end);
    const auto prefix_end = static_cast<Position>(turns.front().tokens.size());
    for (const Position boundary : {prefix_end, prompt_end - generation_prompt, prompt_end - 1,
                                    world.memory().show("ada")->token_count - 1}) {
        EXPECT_TRUE(ends.contains(boundary)) << boundary;
    }
}

TEST_P(Saving, TenAgentsWithOnePromptStoreItOnce) {
    World world(roomy());
    const std::string prompt = words(1200);
    const CreateResult first = world.create("agent-0", prompt);
    const auto files = world.block_files(BlockKind::kAppend);
    const auto windows = world.block_files(BlockKind::kWindow);
    EXPECT_EQ(files.size(), (first.agent.token_count + kBlockTokens - 1) / kBlockTokens);
    for (int i = 1; i < 10; ++i) {
        const CreateResult next = world.create("agent-" + std::to_string(i), prompt);
        EXPECT_EQ(next.evaluated_tokens, 0U);
        EXPECT_EQ(next.save.append_rows_written, 0U);
        EXPECT_EQ(next.save.window_bytes_written, 0U);
        EXPECT_EQ(next.save.durability, Durability::kTokensAndKv);
    }
    EXPECT_EQ(world.block_files(BlockKind::kAppend), files);
    EXPECT_EQ(world.block_files(BlockKind::kWindow), windows);
    for (int i = 0; i < 10; ++i) world.say("agent-" + std::to_string(i), "I am " + std::to_string(i));
}

TEST_P(Saving, AgentsThatShareABeginningSliceEachOthersBlocks) {
    World world(roomy());
    world.create("ada", words(200) + "ada");
    const CreateResult eve = world.create("eve", words(200) + "eve");
    if (windowed()) {
        EXPECT_EQ(eve.reused_tokens, 0U) << "no boundary in the middle of a prompt";
    } else {
        EXPECT_EQ(eve.reused_tokens, std::string("\x01system\n").size() + 200);
    }
    world.say("ada", "hello");
    world.say("eve", "hello");
    world.restart();
    world.say("eve", "again");
    world.say("ada", "again");
}

TEST_P(Saving, SavingTwiceWritesOnce) {
    World world(options());
    world.create("ada", words(100));
    world.say("ada", "hello");
    const auto files = world.block_files(BlockKind::kAppend);
    const auto saved = world.memory().save_all();
    ASSERT_TRUE(saved);
    EXPECT_EQ(saved->durability, Durability::kTokensAndKv);
    EXPECT_EQ(saved->append_rows_written + saved->blocks_written + saved->window_bytes_written, 0U);
    EXPECT_EQ(world.block_files(BlockKind::kAppend), files);
}

TEST_P(Saving, FilesAreWhatTheCatalogSays) {
    World world(roomy());
    for (int i = 0; i < 4; ++i)
        world.create("agent-" + std::to_string(i), words(300, static_cast<char>('a' + i)));
    for (int i = 0; i < 24; ++i)
        world.say("agent-" + std::to_string(i % 4), words(static_cast<std::uint32_t>(i) * 9));
    const CatalogTotals totals = *world.store().catalog().totals();
    EXPECT_EQ(world.block_files(BlockKind::kAppend).size(), totals.blocks);
    EXPECT_EQ(world.block_files(BlockKind::kWindow).size(), totals.windows);
    std::uint64_t bytes = 0;
    for (const BlockKind kind : {BlockKind::kAppend, BlockKind::kWindow}) {
        for (const std::string& path : world.block_files(kind)) bytes += std::filesystem::file_size(path);
    }
    EXPECT_EQ(bytes, totals.block_bytes);
}

TEST_P(Saving, RemovingAnAgentRemovesItsFilesAndNobodyElses) {
    World world(options());
    world.create("ada", words(600));
    world.create("eve", words(600));
    world.say("ada", words(300, 'a'));
    world.say("eve", words(300, 'e'));
    const auto shared_blocks = (world.memory().turns("ada")->front().tokens.size()) / kBlockTokens;
    const Position tokens = world.memory().show("ada")->token_count;
    const auto receipt = world.memory().remove("ada");
    ASSERT_TRUE(receipt) << receipt.error().message;
    EXPECT_EQ(receipt->turns_removed, 1U);
    EXPECT_EQ(receipt->tokens_removed, tokens);
    EXPECT_GE(receipt->blocks_removed, 1U);
    EXPECT_GE(receipt->blocks_kept, shared_blocks);
    EXPECT_EQ(world.memory().resident(), std::vector<std::string>{"eve"});
    EXPECT_EQ(world.memory().show("ada").error().code, ErrorCode::kNotFound);
    EXPECT_EQ(world.block_files(BlockKind::kAppend).size(), world.store().catalog().totals()->blocks);
    world.restart();
    EXPECT_EQ(world.say("eve", "still here?").metrics.not_reused_reason, "");
    ASSERT_TRUE(world.memory().remove("eve"));
    EXPECT_TRUE(world.block_files(BlockKind::kAppend).empty());
    EXPECT_TRUE(world.block_files(BlockKind::kWindow).empty());
    world.create("ada", words(600));
    world.say("ada", "anew");
}

TEST_P(Saving, AgentsAreListedWithoutAModel) {
    World world(options());
    world.create("eve", "You are Eve.");
    world.create("ada", "You are Ada.");
    world.say("ada", "hello");
    const auto stored = list_stored_agents(world.store());
    ASSERT_TRUE(stored);
    ASSERT_EQ(stored->size(), 2U);
    EXPECT_EQ(stored->front().name, "ada");
    EXPECT_EQ(stored->front().state, AgentState::kStored);
    EXPECT_EQ(stored->front().cache_tokens + 1, stored->front().token_count);
    EXPECT_GT(stored->front().kv_disk_bytes, 0U);
    EXPECT_EQ(show_stored_agent(world.store(), "bob").error().code, ErrorCode::kNotFound);
    ASSERT_TRUE(erase_stored_agent(world.store(), "eve"));
    EXPECT_EQ(list_stored_agents(world.store())->size(), 1U);
}

}  // namespace
}  // namespace kvasir::test
