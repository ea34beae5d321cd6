// The disk fills up at each watermark, stays full for a while, and has space again; and it fails, and works
// again. Nothing that was acknowledged is lost, and service returns without a restart.
#include <chrono>
#include <filesystem>
#include <iostream>
#include <thread>

#include "durable/power.h"
#include "durable/script.h"
#include <gtest/gtest.h>

#include "memory/turn_run.h"

namespace kvasir::test {
namespace {

constexpr std::uint64_t kFreeMin = 1'000'000;
constexpr std::uint64_t kPlenty = 100ULL * 1000 * 1000 * 1000;

class FullDisk : public testing::Test {
  protected:
    void SetUp() override {
        options_.root = scratch_.fresh();
        std::filesystem::create_directory(options_.root);
        ASSERT_TRUE(files_.make_directories(options_.root));
        options_.files = &files_;
        options_.sqlite_vfs = vfs_.name();
        options_.engine = durable_engine(true);
        options_.disk_free_bytes_min = kFreeMin;
        options_.disk_reserve_bytes = 64'000;
        open();
        ASSERT_TRUE(node_->memory().create("ada", "t", long_text(100, 'a')));
        say("hello");
    }
    void open() {
        node_.reset();
        auto opened = Node::open(options_);
        ASSERT_TRUE(opened) << opened.error().message;
        node_ = std::move(*opened);
    }
    Durability say(const std::string& text) {
        const auto said = node_->say("ada", text);
        EXPECT_TRUE(said) << said.error().message;
        if (!said) return Durability::kNothing;
        ++acknowledged_;
        return said->durability;
    }
    void expect_all_there() {
        EXPECT_EQ(node_->memory().show("ada")->turn_count, acknowledged_);
        EXPECT_TRUE(wrong_answers(*node_).empty());
    }
    StoreState state() { return node_->store().health().state(); }

    Scratch scratch_;
    FaultFileSystem files_;
    FaultVfs vfs_;
    NodeOptions options_;
    std::unique_ptr<Node> node_;
    std::uint32_t acknowledged_ = 0;
};

TEST_F(FullDisk, BelowTheFirstWatermarkTurnsAreDurableAndKvIsNot) {
    files_.set_free_bytes(kFreeMin - 1);
    for (int turn = 0; turn < 5; ++turn)
        EXPECT_EQ(say("turn " + std::to_string(turn)), Durability::kTokensOnly);
    EXPECT_EQ(state(), StoreState::kLow);
    EXPECT_GE(node_->store().health().counters.kv_refused, 5u);
    files_.set_free_bytes(kPlenty);
    EXPECT_EQ(say("space is back"), Durability::kTokensAndKv);
    EXPECT_EQ(state(), StoreState::kOk);
    open();
    EXPECT_EQ(node_->say("ada", "all there?")->metrics.not_reused_reason, "");
    ++acknowledged_;
    expect_all_there();
}

TEST_F(FullDisk, BelowTheSecondTurnsAreRefusedBeforeTheyStart) {
    files_.set_free_bytes(100);
    say("on the reserve");
    for (int turn = 0; turn < 5; ++turn) {
        const auto refused = node_->say("ada", "nobody hears this");
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, ErrorCode::kNoSpace);
    }
    EXPECT_EQ(state(), StoreState::kFull);
    EXPECT_GE(node_->store().health().counters.turns_refused, 5u);
    expect_all_there();
    node_->store().look_after();
    EXPECT_EQ(state(), StoreState::kFull) << "nothing has changed yet";
    files_.set_free_bytes(kPlenty);
    node_->store().look_after();  // as the server does, without anybody speaking
    EXPECT_EQ(state(), StoreState::kOk);
    EXPECT_EQ(say("space is back"), Durability::kTokensAndKv);
    EXPECT_EQ(node_->store().usage()->reserve_bytes, 64'000u) << "the reserve is back, too";
    expect_all_there();
}

// The catalog's disk is full in the middle of an answer that somebody hears as it comes.
TEST_F(FullDisk, AnAnswerThatWasHeardIsMarkedAndForgotten) {
    for (const VfsFault fault : {VfsFault::kDiskFull, VfsFault::kIoError}) {
        TurnRequest request;
        request.agent = "ada";
        request.messages = {{Role::kUser, "are you there?", {}, {}, {}, {}}};
        request.reading = AnswerReading::kRaw;
        request.answer_tokens_max = 4;
        request.undurable = UndurableAnswer::kDelivered;
        std::string heard;
        TurnSinks sinks;
        sinks.on_piece = [&](const AnswerPiece& piece) { heard += piece.content; };
        auto turn = node_->memory().begin_turn(request, sinks);
        ASSERT_TRUE(turn) << turn.error().message;
        (*turn)->restore();
        vfs_.fail_nth(1, fault, VfsRepeat::kForever);
        std::vector<BatchRow> rows;
        while ((*turn)->stage() == TurnStage::kPrefill || (*turn)->stage() == TurnStage::kDecode) {
            rows.clear();
            if ((*turn)->add_rows(rows, 64) == 0) continue;
            ASSERT_TRUE(node_->memory().evaluate(rows));
            (*turn)->evaluated(0);
        }
        ASSERT_TRUE((*turn)->result()) << (*turn)->result().error().message;
        EXPECT_EQ((*turn)->result()->durability, Durability::kNothing);
        EXPECT_NE((*turn)->result()->warning, "");
        EXPECT_EQ((*turn)->result()->text, heard);
        EXPECT_EQ((*turn)->stage(), TurnStage::kDone);
        EXPECT_EQ(state(), StoreState::kDegraded);
        turn->reset();
        vfs_.heal();
        node_->store().look_after();
        EXPECT_EQ(state(), StoreState::kOk);
        EXPECT_EQ(say("do you remember?"), Durability::kTokensAndKv);
        expect_all_there();
    }
}

// As above, but in strict mode: then it is an error.
TEST_F(FullDisk, InStrictModeItIsRefused) {
    vfs_.fail_nth(1, VfsFault::kIoError, VfsRepeat::kForever);
    const auto refused = node_->say("ada", "nobody remembers this");
    vfs_.heal();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kIo);
    EXPECT_EQ(say("go on"), Durability::kTokensAndKv);
    expect_all_there();
}

TEST_F(FullDisk, ADiskThatFailsUnderKvIsLeftAloneForAWhileAndTriedAgain) {
    files_.fail(
        {.nth = 1, .code = ErrorCode::kIo, .repeat = FaultRepeat::kForever, .only = FileCall::kWrite});
    EXPECT_EQ(say("one"), Durability::kTokensOnly);
    EXPECT_EQ(state(), StoreState::kDegraded);
    const std::uint64_t writes = files_.calls(FileCall::kWrite);
    EXPECT_GE(writes, 2u) << "once more under another name";
    EXPECT_EQ(say("two"), Durability::kTokensOnly);
    EXPECT_EQ(files_.calls(FileCall::kWrite), writes) << "a save costs nothing meanwhile";
    node_->store().look_after();
    EXPECT_EQ(state(), StoreState::kDegraded);
    files_.heal();
    node_->store().look_after();
    EXPECT_EQ(state(), StoreState::kOk);
    EXPECT_EQ(say("three"), Durability::kTokensAndKv);
    expect_all_there();
}

// Turns go on for some seconds while the disk is full at each watermark in turn, again and again.
void full_for(std::chrono::milliseconds each, FaultFileSystem& files, Node& node, std::uint32_t& acknowledged,
              std::uint32_t& refused, std::uint32_t& tokens_only) {
    for (const std::uint64_t free : {kFreeMin - 1, std::uint64_t{70'000}, std::uint64_t{100}}) {
        files.set_free_bytes(free);
        const auto end = std::chrono::steady_clock::now() + each;
        std::uint32_t agent = 0;
        do {
            const std::string name = "full-" + std::to_string(free) + "-" + std::to_string(agent / 12);
            if (!node.memory().show(name) && !node.memory().create(name, "t", "")) {
                ++refused;
            } else if (const auto said = node.say(name, "turn " + std::to_string(agent))) {
                ++acknowledged;
                tokens_only += said->durability == Durability::kTokensOnly ? 1U : 0U;
                ++agent;
            } else {
                EXPECT_EQ(said.error().code, ErrorCode::kNoSpace) << said.error().message;
                ++refused;
            }
            node.store().look_after();
            std::this_thread::sleep_for(each > std::chrono::seconds(1) ? std::chrono::milliseconds(20)
                                                                       : std::chrono::milliseconds(2));
        } while (std::chrono::steady_clock::now() < end);
        files.set_free_bytes(kPlenty);
        node.store().look_after();
        EXPECT_EQ(node.store().health().state(), StoreState::kOk);
        const auto back = node.say("ada", "space is back");
        ASSERT_TRUE(back) << back.error().message;
        EXPECT_EQ(back->durability, Durability::kTokensAndKv);
        ++acknowledged;
    }
}

class SoakFullDisk : public FullDisk {};

template <class Test>
class Filling : public Test {
  protected:
    void fill_for(std::chrono::milliseconds each) {
        std::uint32_t refused = 0;
        std::uint32_t tokens_only = 0;
        full_for(each, this->files_, *this->node_, this->acknowledged_, refused, tokens_only);
        std::uint32_t found = 0;
        for (const auto& [agent, texts] : conversations_of(*this->node_))
            found += static_cast<std::uint32_t>(texts.size());
        EXPECT_EQ(found, this->acknowledged_);
        EXPECT_GT(refused, 0u);
        EXPECT_GT(tokens_only, 0u);
        EXPECT_TRUE(wrong_answers(*this->node_).empty());
        std::cout << "[ figure   ] disk full: " << each.count() << " ms at each of 3 levels; "
                  << this->acknowledged_ << " turns acknowledged and " << found << " found, " << tokens_only
                  << " of them without KV, " << refused
                  << " refused; service returned 3 of 3 times without a restart\n";
    }
};
using FillingTest = Filling<FullDisk>;
using SoakFillingTest = Filling<SoakFullDisk>;
TEST_F(FillingTest, ForAWhile) { fill_for(std::chrono::milliseconds(300)); }
TEST_F(SoakFillingTest, ForTenMinutes) { fill_for(std::chrono::minutes(10)); }

}  // namespace
}  // namespace kvasir::test
