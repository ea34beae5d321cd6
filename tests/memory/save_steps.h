// Turns whose saves are driven step by step, beside each other. Of one test.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "memory/turn_run.h"
#include "memory/world.h"

namespace kvasir::test {

// Rows of the same tokens are not the same bytes: they depend on what else was in the batch. Here each copy
// of them differs from the one before, until it comes back.
class UnequalRows final : public ForwardingEngine {
  public:
    using ForwardingEngine::ForwardingEngine;
    Status export_rows(SequenceId sequence, Plane plane, TokenRange range,
                       std::vector<std::byte>& image) override {
        KVASIR_TRY(ForwardingEngine::export_rows(sequence, plane, range, image));
        std::vector<std::byte> own = image;
        image.front() ^= static_cast<std::byte>(1 + exports++ % 255);
        originals[image] = std::move(own);
        return {};
    }
    Status import_rows(SequenceId sequence, Plane plane, TokenRange range,
                       std::span<const std::byte> image) override {
        const auto original = originals.find({image.begin(), image.end()});
        if (original == originals.end()) return ForwardingEngine::import_rows(sequence, plane, range, image);
        return ForwardingEngine::import_rows(sequence, plane, range, original->second);
    }

  private:
    static inline std::map<std::vector<std::byte>, std::vector<std::byte>> originals;  // of all processes
    static inline unsigned exports = 0;
};

class SaveSteps : public MemoryTest {
  protected:
    SaveSteps() : world_(with_unequal_rows(options())) {}
    static WorldOptions with_unequal_rows(WorldOptions options) {
        options.decorate = [](std::unique_ptr<Engine> inner) {
            return std::make_unique<UnequalRows>(std::move(inner));
        };
        return options;
    }

    // Steps until its rows are copied. The disk is held, so that no file of it is written.
    static void copy_all(TurnRun& run) {
        while (run.stage() == TurnStage::kAnswered && !run.waits()) run.save_some();
        EXPECT_EQ(run.stage(), TurnStage::kAnswered);
        EXPECT_FALSE(run.has_place());
    }
    // A turn of Ada's that is answered, and whose save is planned and has copied nothing.
    std::unique_ptr<TurnRun> planned(const std::string& text) {
        world_.create("ada", prompt_);
        auto turn = answered("ada", text);
        EXPECT_EQ(turn->result()->text, world_.exact().answer(world_.engine().fake(), "ada", text, 6));
        EXPECT_TRUE(turn->has_place()) << "control: nothing is planned yet";
        turn->save_some();
        EXPECT_FALSE(turn->has_place());
        return turn;
    }
    // The whole conversation with another first message than the one before.
    TurnRequest other_words(const std::string& text) const {
        TurnRequest request;
        request.agent = "ada";
        request.history = History::kSent;
        request.messages = {{Role::kSystem, prompt_, {}, {}, {}, {}}, {Role::kUser, text, {}, {}, {}, {}}};
        request.reading = AnswerReading::kRaw;
        request.answer_tokens_max = 6;
        return request;
    }
    // After a restart a client goes on from `text` and its answer as it was at first: rows come from disk,
    // and they are the right ones.
    void expect_first_line(const std::string& text, const std::string& answer) {
        world_.restart();
        TurnRequest request = other_words(text);
        request.messages.push_back({Role::kAssistant, answer, {}, {}, {}, {}});
        request.messages.push_back({Role::kUser, "and now?", {}, {}, {}, {}});
        const auto turn = answered(std::move(request));
        EXPECT_EQ(turn->result()->metrics.source, ReuseSource::kDisk);
        EXPECT_GE(turn->result()->metrics.reused_tokens + 1, world_.exact().tokens("ada").size());
        EXPECT_EQ(turn->result()->warning, "");
        EXPECT_EQ(turn->result()->text, world_.exact().answer(world_.engine().fake(), "ada", "and now?", 6));
    }
    // A turn up to its answer, KV not saved yet.
    std::unique_ptr<TurnRun> answered(const std::string& agent, const std::string& text) {
        TurnRequest request;
        request.agent = agent;
        request.messages = {{Role::kUser, text, {}, {}, {}, {}}};
        request.reading = AnswerReading::kRaw;
        request.answer_tokens_max = 6;
        return answered(std::move(request));
    }
    std::unique_ptr<TurnRun> answered(TurnRequest request) {
        auto run = world_.memory().begin_turn(std::move(request), {});
        EXPECT_TRUE(run);
        (*run)->restore();
        std::vector<BatchRow> rows;
        while ((*run)->stage() == TurnStage::kPrefill || (*run)->stage() == TurnStage::kDecode) {
            rows.clear();
            if ((*run)->add_rows(rows, world_.engine().model().batch_tokens) == 0) continue;
            EXPECT_TRUE(world_.memory().evaluate(rows));
            (*run)->evaluated(0);
        }
        return std::move(*run);
    }
    // Steps until one file more is there, which is not referred to yet.
    void write_one(TurnRun& run) {
        const std::size_t files = world_.block_files(BlockKind::kAppend).size();
        while (world_.block_files(BlockKind::kAppend).size() == files) {
            ASSERT_EQ(run.stage(), TurnStage::kAnswered);
            run.save_some();
            run.wait_for_file();
        }
    }
    // A turn of Ada's that is answered and copied, and whose files the disk holds back.
    std::unique_ptr<TurnRun> being_written(std::uint32_t bytes = 700) {
        world_.create("ada", prompt_);
        auto turn = answered("ada", words(bytes, 'm'));
        world_.disk().hold_writes();
        copy_all(*turn);
        return turn;
    }
    // Nothing is resident afterwards; the next turn restores everything that was said.
    void expect_restorable(const std::string& agent) {
        world_.restart();
        const auto before = world_.memory().show(agent);
        ASSERT_TRUE(before);
        const TurnResult turn = world_.say_unchecked(agent, "and now?", 4);
        EXPECT_EQ(turn.metrics.source, ReuseSource::kDisk) << agent;
        EXPECT_GE(turn.metrics.reused_tokens + 1, before->token_count) << agent;
        EXPECT_EQ(turn.warning, "") << agent;
    }

    World world_;
    std::vector<std::unique_ptr<TurnRun>> later_;
    const std::string prompt_ = "You are one of two. " + words(600);
};

}  // namespace kvasir::test
