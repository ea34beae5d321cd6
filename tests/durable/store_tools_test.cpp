// fsck, backup and start-up reconciliation on stores that are used, damaged and left behind.
#include <filesystem>
#include <fstream>

#include "durable/script.h"
#include <gtest/gtest.h>

#include "memory/turn_run.h"

namespace kvasir::test {
namespace {

class StoreTools : public testing::Test {
  protected:
    void SetUp() override {
        options_.root = scratch_.fresh();
        options_.engine = durable_engine(true);
        open();
        run_script(*node_, talking(), [](std::size_t op, bool good) { ASSERT_TRUE(good) << op; });
    }
    void open() {
        node_.reset();
        auto opened = Node::open(options_);
        ASSERT_TRUE(opened) << opened.error().message;
        node_ = std::move(*opened);
    }
    std::vector<std::string> paths_of(const std::string& agent) {
        const auto record = node_->store().catalog().agent(agent);
        std::vector<std::string> paths;
        const auto blocks = node_->store().catalog().referenced_blocks(record->id);
        for (const StoredBlock& block : *blocks)
            paths.push_back(node_->store().blocks().path_of(block.kind, block.name));
        return paths;
    }
    static void flip_last_byte(const std::string& path) {
        std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
        file.seekg(-1, std::ios::end);
        const char byte = static_cast<char>(file.get() ^ 1);
        file.seekp(-1, std::ios::end);
        file.put(byte);
    }

    Scratch scratch_;
    NodeOptions options_;
    std::unique_ptr<Node> node_;
};

TEST_F(StoreTools, FsckOfAWholeStoreFindsNothing) {
    const CheckReport report = check(*node_, Repair::kNo);
    EXPECT_TRUE(report.good());
    EXPECT_EQ(report.problems(), 0u);
    EXPECT_EQ(report.files_checked, node_->store().usage()->blocks);
    EXPECT_EQ(report.bytes_checked, node_->store().usage()->kv_bytes);
}

TEST_F(StoreTools, FsckReportsAndRepairs) {
    const auto paths = paths_of("ada");
    ASSERT_GE(paths.size(), 4u);
    flip_last_byte(paths[0]);
    std::filesystem::remove(paths[1]);
    std::filesystem::copy_file(paths[2], paths[2].substr(0, paths[2].size() - 20) + "0000.safetensors");
    CheckReport report = check(*node_, Repair::kNo);
    EXPECT_FALSE(report.good());
    EXPECT_EQ(report.damaged, 1u);
    EXPECT_EQ(report.missing, 1u);
    EXPECT_EQ(report.unknown, 1u);
    EXPECT_EQ(report.findings.size(), 3u);
    EXPECT_EQ(report.repaired, 0u);
    EXPECT_EQ(report.quarantined, 0u);
    EXPECT_EQ(check(*node_, Repair::kNo).problems(), 3u) << "a report changes nothing";

    report = check(*node_, Repair::kYes);
    EXPECT_TRUE(report.good());
    EXPECT_EQ(report.repaired, 3u);
    EXPECT_EQ(report.quarantined, 1u);
    EXPECT_EQ(check(*node_, Repair::kNo).problems(), 0u);
    ASSERT_TRUE(node_->store().catalog().check());
    open();
    EXPECT_TRUE(node_->say("ada", "go on"));
    EXPECT_TRUE(wrong_answers(*node_).empty());
    EXPECT_TRUE(check(*node_, Repair::kNo).good());
}

TEST_F(StoreTools, ReconcilingReadsNoContentsAndFindsWhatIsMissingOrLeft) {
    const auto paths = paths_of("ada");
    flip_last_byte(paths[0]);
    std::filesystem::remove(paths[1]);
    std::filesystem::copy_file(paths[2], paths[2].substr(0, paths[2].size() - 20) + "0000.safetensors");
    std::filesystem::resize_file(paths[3], 100);
    open();
    const auto run = node_->store().begin_check({CheckDepth::kNames, Repair::kYes});
    while (!run->done()) ASSERT_TRUE(run->step());
    EXPECT_EQ(run->report().unknown, 1u);
    EXPECT_EQ(run->report().missing, 1u);
    EXPECT_EQ(run->report().damaged, 1u) << "the one of another size";
    EXPECT_EQ(run->report().bytes_checked, 0u);
    EXPECT_TRUE(node_->say("ada", "go on"));
    EXPECT_TRUE(wrong_answers(*node_).empty());
}

// A save that runs has written files that no row knows yet.
TEST_F(StoreTools, ReconcilingLeavesWhatASaveIsWriting) {
    std::size_t looked = 0;
    for (std::uint32_t steps = 1; steps < 12; ++steps) {
        TurnRequest request;
        request.agent = "ada";
        request.messages = {{Role::kUser, long_text(60, 'm'), {}, {}, {}, {}}};
        request.reading = AnswerReading::kRaw;
        request.answer_tokens_max = 4;
        auto turn = node_->memory().begin_turn(request, {});
        ASSERT_TRUE(turn);
        (*turn)->restore();
        std::vector<BatchRow> rows;
        while ((*turn)->stage() == TurnStage::kPrefill || (*turn)->stage() == TurnStage::kDecode) {
            rows.clear();
            if ((*turn)->add_rows(rows, 64) == 0) continue;
            ASSERT_TRUE(node_->memory().evaluate(rows));
            (*turn)->evaluated(0);
        }
        for (std::uint32_t i = 0; i < steps; ++i) (*turn)->save_some();
        const auto run = node_->store().begin_check({CheckDepth::kNames, Repair::kYes});
        while (!run->done()) ASSERT_TRUE(run->step());
        EXPECT_EQ(run->report().unknown, 0u) << "after " << steps << " steps";
        (*turn)->save();
        ASSERT_TRUE((*turn)->result());
        EXPECT_EQ((*turn)->result()->durability, Durability::kTokensAndKv) << (*turn)->result()->warning;
        EXPECT_TRUE(check(*node_, Repair::kNo).good());
        ++looked;
    }
    EXPECT_EQ(looked, 11u);
}

TEST_F(StoreTools, ABackupOfARunningStoreIsAStore) {
    const std::string target = scratch_.path() + "/backup";
    const auto run = node_->store().begin_backup(target);
    std::size_t steps = 0;
    for (; !run->done(); ++steps) {
        ASSERT_TRUE(run->step());
        // Life goes on: turns, and an agent that goes.
        if (steps % 60 == 30) {
            ASSERT_TRUE(node_->say("ada", "meanwhile " + std::to_string(steps)));
        }
        if (steps == 100) {
            ASSERT_TRUE(node_->memory().remove("eve"));
        }
        EXPECT_FALSE(std::filesystem::exists(target) && !run->done()) << "it is whole or not there";
    }
    EXPECT_GT(steps, 250u);
    EXPECT_EQ(run->report().agents, 2u);
    EXPECT_GT(run->report().files, 3u);
    EXPECT_FALSE(std::filesystem::exists(target + ".partial"));
    const std::string secret = "the secret is 481726";
    std::vector<Token> tokens;
    for (const char c : secret) tokens.push_back(static_cast<unsigned char>(c));
    EXPECT_TRUE(files_holding(target, secret).empty()) << "she was removed before it was complete";
    EXPECT_TRUE(files_holding(target, bytes_of(tokens)).empty());

    const Conversations now = conversations_of(*node_);
    NodeOptions copy = options_;
    copy.root = target;
    auto restored = Node::open(copy);
    ASSERT_TRUE(restored) << restored.error().message;
    EXPECT_EQ(conversations_of(**restored), now);
    EXPECT_TRUE(check(**restored, Repair::kNo).good());
    const auto said = (*restored)->say("ann", "are you in the copy?");
    ASSERT_TRUE(said);
    EXPECT_GT(said->metrics.reused_tokens, 0u);
    EXPECT_TRUE(wrong_answers(**restored).empty());
}

TEST_F(StoreTools, ABackupThatCannotBeIsNotThere) {
    const std::string target = scratch_.path() + "/backup";
    std::filesystem::create_directory(target);
    const auto onto = node_->store().begin_backup(target);
    const Status refused = onto->step();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
    std::filesystem::remove(target);

    flip_last_byte(paths_of("ada")[0]);
    const auto run = node_->store().begin_backup(target);
    while (!run->done()) ASSERT_TRUE(run->step());
    EXPECT_EQ(run->report().files_left_out, 1u) << "the damaged one";
    NodeOptions copy = options_;
    copy.root = target;
    auto restored = Node::open(copy);
    ASSERT_TRUE(restored);
    EXPECT_TRUE(check(**restored, Repair::kNo).good());
}

}  // namespace
}  // namespace kvasir::test
