// Agents that are created and loaded beside running turns.
#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "memory/world.h"
#include "sched/engine_loop.h"
#include "sched/waiting_listener.h"

namespace kvasir::test {
namespace {

constexpr std::uint32_t kChunk = 64;

struct Step {
    std::size_t prompt_rows = 0;
    std::size_t answer_rows = 0;
};

class CountingEngine final : public ForwardingEngine {
  public:
    CountingEngine(std::unique_ptr<Engine> inner, std::vector<Step>& steps, const bool& refuses)
        : ForwardingEngine(std::move(inner)), steps_(steps), refuses_(refuses) {}
    Status decode(std::span<const BatchRow> rows) override {
        if (refuses_) return fail(ErrorCode::kIo, "the test says so");
        Step step;
        for (const BatchRow& row : rows) ++(row.wants_logits ? step.answer_rows : step.prompt_rows);
        steps_.push_back(step);
        return ForwardingEngine::decode(rows);
    }

  private:
    std::vector<Step>& steps_;
    const bool& refuses_;
};

class Filling : public MemoryTest {
  protected:
    Filling() {
        WorldOptions world = options();
        world.engine.sequences = 4;
        world.engine.context_tokens = 4096;
        world.memory.agents_resident_max = 2;
        world.decorate = [this](std::unique_ptr<Engine> inner) {
            return std::make_unique<CountingEngine>(std::move(inner), steps_, refuses_);
        };
        world_ = std::make_unique<World>(world);
        world_->create("eve", "You are Eve.");
        SchedulerOptions scheduling;
        scheduling.active_turns_max = 2;
        scheduling.prompt_chunk_tokens = kChunk;
        loop_ = std::make_unique<EngineLoop>(scheduling, world_->memory(), world_->engine(), clock_);
        steps_.clear();
    }
    struct Asked {
        std::shared_ptr<WaitingListener> listener = std::make_shared<WaitingListener>();
        std::shared_ptr<TurnTicket> ticket = std::make_shared<TurnTicket>();
    };
    Asked add(TurnRequest request) {
        Asked asked;
        loop_->add({std::move(request), asked.listener, asked.ticket, 0});
        return asked;
    }
    Asked talk(const std::string& agent, std::uint32_t answer_tokens_max) {
        TurnRequest request;
        request.agent = agent;
        request.messages = {{Role::kUser, "talk", {}, {}, {}, {}}};
        request.reading = AnswerReading::kRaw;
        request.answer_tokens_max = answer_tokens_max;
        return add(request);
    }
    Asked create(const std::string& agent, const std::string& system_prompt) {
        TurnRequest request;
        request.agent = agent;
        request.purpose = TurnPurpose::kCreate;
        request.system_prompt = system_prompt;
        return add(request);
    }
    Asked load(const std::string& agent) {
        TurnRequest request;
        request.agent = agent;
        request.purpose = TurnPurpose::kLoad;
        return add(request);
    }
    void run() {
        while (!loop_->idle()) loop_->round();
    }
    ErrorCode state_of(const std::string& agent) {
        const auto shown = world_->memory().show(agent);
        return shown ? ErrorCode::kConflict : shown.error().code;
    }

    std::vector<Step> steps_;
    bool refuses_ = false;
    std::unique_ptr<World> world_;
    std::unique_ptr<EngineLoop> loop_;
    StepClock clock_;
};
KVASIR_BOTH_MODELS(Filling);

// Steps in which a prompt was read although nobody's answer went on, or more of it than a chunk.
std::size_t steps_that_stall(const std::vector<Step>& steps) {
    return static_cast<std::size_t>(std::count_if(steps.begin(), steps.end(), [](const Step& step) {
        return step.prompt_rows > kChunk || (step.prompt_rows > 0 && step.answer_rows == 0);
    }));
}

TEST_P(Filling, ANewAgentIsReadInChunksBesideAnswers) {
    const Asked eve = talk("eve", 400);
    while (eve.listener->shown().empty()) loop_->round();
    steps_.clear();
    const std::string prompt = "You are Ada. " + words(1500);
    const Asked ada = create("ada", prompt);
    while (!ada.listener->over() && !eve.listener->over()) loop_->round();
    EXPECT_EQ(steps_that_stall(steps_), 0U);
    EXPECT_GE(steps_.size(), 8U);
    run();
    const auto created = ada.listener->wait();
    ASSERT_TRUE(created) << created.error().message;
    EXPECT_GE(created->metrics.evaluated_tokens, 1500U);
    EXPECT_EQ(created->save.durability, Durability::kTokensAndKv);
    EXPECT_GE(created->save.append_rows_written, 1500U);
    ASSERT_TRUE(eve.listener->wait());
    world_->exact().create("ada", prompt);
    world_->say("ada", "hello");
}

TEST_P(Filling, ControlReadAtOnceItStalls) {
    const Asked eve = talk("eve", 400);
    while (eve.listener->shown().empty()) loop_->round();
    steps_.clear();
    ASSERT_TRUE(world_->memory().create("ada", "", "You are Ada. " + words(1500)));
    EXPECT_GT(steps_that_stall(steps_), 0U);
    run();
}

TEST_P(Filling, AnAgentIsLoadedBesideAnswers) {
    world_->create("ada", "You are Ada. " + words(1500));
    ASSERT_TRUE(world_->memory().evict("ada"));
    const Asked eve = talk("eve", 100);
    const Asked ada = load("ada");
    while (!ada.listener->over()) loop_->round();
    const auto loaded = ada.listener->wait();
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(loaded->metrics.source, ReuseSource::kDisk);
    EXPECT_EQ(loaded->metrics.evaluated_tokens, 0U);
    EXPECT_FALSE(eve.listener->over());
    run();
    EXPECT_EQ(world_->say("ada", "hello").metrics.source, ReuseSource::kResident);
}

TEST_P(Filling, ACreationThatIsCancelledLeavesNothing) {
    const Asked ada = create("ada", "You are Ada. " + words(1500));
    while (steps_.empty()) loop_->round();
    EXPECT_EQ(state_of("ada"), ErrorCode::kConflict) << "it is being made";
    ada.ticket->cancel();
    run();
    EXPECT_EQ(ada.listener->wait().error().code, ErrorCode::kCancelled);
    EXPECT_EQ(state_of("ada"), ErrorCode::kNotFound);
    world_->create("ada", "You are another Ada.");
    world_->say("ada", "hello");
}

TEST_P(Filling, ACreationThatTheEngineRefusesLeavesNothing) {
    refuses_ = true;
    const Asked ada = create("ada", "You are Ada.");
    run();
    EXPECT_EQ(ada.listener->wait().error().code, ErrorCode::kIo);
    EXPECT_EQ(state_of("ada"), ErrorCode::kNotFound);
}

TEST_P(Filling, WhatNeedsAPlaceWaitsForOne) {
    world_->create("bob", "You are Bob.");
    const Asked eve = talk("eve", 30);
    const Asked bob = talk("bob", 30);
    const Asked ada = create("ada", "You are Ada.");
    const Asked taken = create("eve", "You are another Eve.");
    run();
    EXPECT_TRUE(eve.listener->wait());
    EXPECT_TRUE(bob.listener->wait());
    EXPECT_TRUE(ada.listener->wait());
    EXPECT_EQ(taken.listener->wait().error().code, ErrorCode::kConflict);
    world_->exact().create("ada", "You are Ada.");
    world_->say("ada", "hello");
    EXPECT_EQ(loop_->stats().turns_done, 2U) << "only turns are counted as turns";
}

}  // namespace
}  // namespace kvasir::test
