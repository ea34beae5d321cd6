// A store that an earlier program wrote is of use to this one, all of it: an upgrade throws no KV away.
// tests/golden/make_golden_store.py made it.
#include <filesystem>
#include <fstream>
#include <iterator>

#include "oracle/stack.h"
#include <gtest/gtest.h>

#include "store/sqlite.h"

namespace kvasir::test {
namespace {

const std::string kGolden = KVASIR_SOURCE_DIR "/tests/golden/store";

std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

class GoldenStore : public testing::Test {
  protected:
    GoldenStore() {
        const std::filesystem::path home = home_.path();
        std::filesystem::create_directories(home);
        for (const char* folder : {"blocks", "snapshots"}) {
            if (std::filesystem::exists(kGolden + "/" + folder))
                std::filesystem::copy(kGolden + "/" + folder, home / folder,
                                      std::filesystem::copy_options::recursive);
        }
        auto connection = SqliteConnection::open((home / "kvasir.db").string(), "");
        EXPECT_TRUE(connection) << connection.error().message;
        const Status made = (*connection)->execute(read_file(kGolden + "/catalog.sql"));
        EXPECT_TRUE(made) << made.error().message;
    }
    std::unique_ptr<Stack> open(const std::string& kv_type) {
        StackOptions options;
        options.model_path = KVASIR_DEMO_MODEL;
        options.kv_type = kv_type;
        auto stack = Stack::open(options, home_.path());
        EXPECT_TRUE(stack) << stack.error().message;
        return stack ? std::move(*stack) : nullptr;
    }

    ScratchDirectory home_;
};

TEST_F(GoldenStore, IsUsedByThisProgramWithNothingReadAgain) {
    const auto stack = open("f16");
    ASSERT_TRUE(stack);
    ASSERT_TRUE(stack->store().catalog().check());
    const auto agent = stack->memory().show("ada");
    ASSERT_TRUE(agent) << agent.error().message;
    EXPECT_EQ(agent->cache_tokens, agent->token_count - 1);
    // Written on another machine, whose numbers may differ in the last bits: the logits are near enough.
    const auto report = stack->memory().verify("ada");
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_TRUE(report->good) << report->deviation;
    EXPECT_EQ(report->restored_tokens, agent->token_count - 1);
    EXPECT_EQ(report->warning, "");
    MessageOptions options;
    options.answer_tokens_max = 24;
    const auto turn = stack->memory().message("ada", "What is the owner of the archive?", options);
    ASSERT_TRUE(turn) << turn.error().message;
    EXPECT_EQ(turn->metrics.reused_tokens, agent->token_count - 1);
    EXPECT_EQ(turn->metrics.not_reused_reason, "");
    EXPECT_NE(turn->text.find("Nora"), std::string::npos) << turn->text;
}

// The control: with other settings the same files are of no use, and that is told.
TEST_F(GoldenStore, IsNotUsedWithOtherSettings) {
    const auto stack = open("q8_0");
    ASSERT_TRUE(stack);
    MessageOptions options;
    options.answer_tokens_max = 24;
    const auto turn = stack->memory().message("ada", "What is the owner of the archive?", options);
    ASSERT_TRUE(turn) << turn.error().message;
    EXPECT_EQ(turn->metrics.reused_tokens, 0U);
    EXPECT_EQ(turn->metrics.not_reused_reason, "fingerprint_changed");
    EXPECT_NE(turn->text.find("Nora"), std::string::npos) << turn->text;
}

}  // namespace
}  // namespace kvasir::test
