// What a turn writes, counted in files on disk, on the real engine.
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "oracle/stack.h"
#include <gtest/gtest.h>

namespace kvasir::test {
namespace {

std::map<std::string, std::uint64_t> files_under(const std::string& directory) {
    std::map<std::string, std::uint64_t> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
        if (entry.is_regular_file()) files[entry.path().string()] = entry.file_size();
    }
    return files;
}

bool is_window(const std::string& path) { return path.find(".window.") != std::string::npos; }

std::uint64_t new_append_bytes(const std::map<std::string, std::uint64_t>& before,
                               const std::map<std::string, std::uint64_t>& after) {
    std::uint64_t bytes = 0;
    for (const auto& [path, size] : after) {
        if (!before.contains(path) && !is_window(path)) bytes += size;
    }
    return bytes;
}

std::string filler(std::uint32_t words) {
    std::string text;
    for (std::uint32_t i = 0; i < words; ++i) text += "word" + std::to_string(i % 10) + " ";
    return text;
}

// Talks until the agent holds at least `tokens`.
void grow(AgentMemory& memory, const std::string& agent, Position tokens) {
    MessageOptions options;
    options.answer_tokens_max = 4;
    for (;;) {
        const auto info = memory.show(agent);
        ASSERT_TRUE(info) << info.error().message;
        if (info->token_count >= tokens) return;
        const std::uint32_t missing = tokens - info->token_count;
        const auto turn = memory.message(agent, filler(missing > 600 ? 150 : 20), options);
        ASSERT_TRUE(turn) << turn.error().message;
    }
}

class DiskGrowth : public testing::TestWithParam<const char*> {};

TEST_P(DiskGrowth, ATurnWritesItsOwnTokensAndOnePartialBlock) {
    const ScratchDirectory home;
    StackOptions options;
    options.model_path = GetParam();
    options.context_tokens = 9216;
    options.agents_resident_max = 1;
    auto stack = Stack::open(options, home.path());
    ASSERT_TRUE(stack) << stack.error().message;
    AgentMemory& memory = (*stack)->memory();
    ASSERT_TRUE(memory.create("writer", "tester", "You answer in few words."));
    const std::uint64_t row_bytes = (*stack)->engine().kv_layout().row_bytes(Plane::kAppend);
    constexpr std::uint64_t kHeaderAndTokensBytesMax = 4096 + 4 * kBlockTokens;
    for (const Position context : {1000U, 2000U, 4000U, 8000U}) {
        grow(memory, "writer", context);
        const Position tokens_before = memory.show("writer")->token_count;
        const auto files_before = files_under(home.path() + "/blocks");
        MessageOptions message;
        message.answer_tokens_max = 8;
        const auto turn = memory.message("writer", "One more short message.", message);
        ASSERT_TRUE(turn) << turn.error().message;
        const std::uint64_t tokens_new = memory.show("writer")->token_count - tokens_before;
        const auto files_after = files_under(home.path() + "/blocks");
        EXPECT_LE(turn->metrics.append_rows_written, tokens_new + kBlockTokens - 1) << "at " << context;
        const std::uint64_t files_max = (tokens_new + kBlockTokens - 1) / kBlockTokens + 1;
        EXPECT_LE(new_append_bytes(files_before, files_after),
                  (tokens_new + kBlockTokens - 1) * row_bytes + files_max * kHeaderAndTokensBytesMax)
            << "at " << context;
        EXPECT_GT(new_append_bytes(files_before, files_after), 0U);
    }
}

INSTANTIATE_TEST_SUITE_P(Models, DiskGrowth,
                         testing::Values(KVASIR_DEMO_MODEL, KVASIR_TEST_MODELS_DIR "/llama-dense.gguf"),
                         [](const testing::TestParamInfo<const char*>& model) {
                             return model.index == 0 ? "demo" : "plain";
                         });

TEST(SharedPrefix, TenAgentsWithOneSystemPromptStoreItsFullBlocksOnce) {
    const ScratchDirectory home;
    StackOptions options;
    options.model_path = KVASIR_DEMO_MODEL;
    auto stack = Stack::open(options, home.path());
    ASSERT_TRUE(stack) << stack.error().message;
    AgentMemory& memory = (*stack)->memory();
    const std::string prompt = filler(300);
    const auto first = memory.create("agent-0", "tester", prompt);
    ASSERT_TRUE(first) << first.error().message;
    const Position tokens = first->agent.token_count;
    ASSERT_GT(tokens, 2 * kBlockTokens) << "the prompt must fill some blocks";
    for (int i = 1; i < 10; ++i) {
        const auto created = memory.create("agent-" + std::to_string(i), "tester", prompt);
        ASSERT_TRUE(created) << created.error().message;
        EXPECT_EQ(created->evaluated_tokens + created->reused_tokens, tokens);
        EXPECT_LE(created->evaluated_tokens, 1U) << "the prefix was read again";
    }
    std::uint64_t append_files = 0;
    for (const auto& [path, size] : files_under(home.path() + "/blocks"))
        append_files += is_window(path) ? 0U : 1U;
    EXPECT_EQ(append_files, (tokens + kBlockTokens - 1) / kBlockTokens);
}

}  // namespace
}  // namespace kvasir::test
