// Restores and saves beside running turns: a block, then a step of the model, then the next block.
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "memory/sending_client.h"
#include "sched/engine_loop.h"
#include "sched/waiting_listener.h"

namespace kvasir::test {
namespace {

// What the engine did, in order: 'd' a step, 'i' a block imported, 'e' a block exported.
class RecordingEngine final : public ForwardingEngine {
  public:
    RecordingEngine(std::unique_ptr<Engine> inner, std::string& record)
        : ForwardingEngine(std::move(inner)), record_(record) {}
    Status decode(std::span<const BatchRow> rows) override {
        record_ += 'd';
        return ForwardingEngine::decode(rows);
    }
    Status import_rows(SequenceId sequence, Plane plane, TokenRange range,
                       std::span<const std::byte> image) override {
        if (plane == Plane::kAppend) record_ += 'i';
        return ForwardingEngine::import_rows(sequence, plane, range, image);
    }
    Status export_rows(SequenceId sequence, Plane plane, TokenRange range,
                       std::vector<std::byte>& image) override {
        if (plane == Plane::kAppend) record_ += 'e';
        return ForwardingEngine::export_rows(sequence, plane, range, image);
    }

  private:
    std::string& record_;
};

// Drives the loop until it is answered, so many rounds at most.
std::shared_ptr<WaitingListener> ask(EngineLoop& loop, TurnRequest request, int rounds_max = 500) {
    request.answer_tokens_max = 8;
    const auto listener = std::make_shared<WaitingListener>();
    loop.add({std::move(request), listener, std::make_shared<TurnTicket>(), 0});
    for (int round = 0; round < rounds_max && !listener->over(); ++round) loop.round();
    return listener;
}

std::shared_ptr<WaitingListener> say(EngineLoop& loop, const std::string& agent, const std::string& text,
                                     int rounds_max) {
    TurnRequest request;
    request.agent = agent;
    request.messages = {said(Role::kUser, text)};
    request.reading = AnswerReading::kRaw;
    return ask(loop, std::move(request), rounds_max);
}

SchedulerOptions in_slices_of(std::int64_t io_slice_us) {
    SchedulerOptions scheduling;
    scheduling.active_turns_max = 3;
    scheduling.io_slice_us = io_slice_us;
    scheduling.io_slice_alone_us = io_slice_us;  // the last of them are alone
    return scheduling;
}

class Slices : public MemoryTest {
  protected:
    Slices() {
        WorldOptions world = options();
        world.engine.sequences = 4;
        world.engine.context_tokens = 4096;
        world.memory.agents_resident_max = 3;
        world.decorate = [this](std::unique_ptr<Engine> inner) {
            return std::make_unique<RecordingEngine>(std::move(inner), record_);
        };
        world_ = std::make_unique<World>(world);
        world_->create("ada", "You are Ada. " + words(1500));
        world_->create("eve", "You are Eve.");
        world_->create("bob", "You are Bob.");
        EXPECT_TRUE(world_->memory().evict("ada"));
        record_.clear();
    }
    // Ada comes back, reads `text` and is saved, while others have enough to say. What the engine did, by
    // rounds.
    std::vector<std::string> run(const std::string& text, std::int64_t io_slice_us) {
        EngineLoop loop(in_slices_of(io_slice_us), world_->memory(), world_->engine(), clock_);
        std::vector<std::shared_ptr<WaitingListener>> listeners;
        const auto add = [&](const std::string& agent, const std::string& message) {
            TurnRequest request;
            request.agent = agent;
            request.messages = {{Role::kUser, message, {}, {}, {}, {}}};
            request.reading = AnswerReading::kRaw;
            request.answer_tokens_max = 8;
            listeners.push_back(std::make_shared<WaitingListener>());
            loop.add({request, listeners.back(), std::make_shared<TurnTicket>(), 0});
        };
        add("eve", "begin");
        add("ada", text);
        for (int i = 0; i < 60; ++i) add(i % 2 == 0 ? "eve" : "bob", "message " + std::to_string(i));
        std::vector<std::string> rounds;
        while (!loop.idle()) {
            record_.clear();
            loop.round();
            rounds.push_back(record_);
        }
        for (const auto& listener : listeners) EXPECT_TRUE(listener->wait());
        return rounds;
    }

    std::string record_;
    std::unique_ptr<World> world_;
    StepClock clock_;
};
KVASIR_BOTH_MODELS(Slices);

constexpr std::int64_t kOneBlock = 0;  // a slice that is over at once
constexpr std::int64_t kEverything = 1'000'000'000;

struct Told {
    std::ptrdiff_t blocks = 0;           // in all rounds
    std::ptrdiff_t blocks_of_round = 0;  // most
    int beside_steps = 0;                // rounds with both a block and a step of the model
};

Told told_of(const std::vector<std::string>& rounds, char what) {
    Told told;
    for (const std::string& round : rounds) {
        const auto blocks = std::count(round.begin(), round.end(), what);
        told.blocks += blocks;
        told.blocks_of_round = std::max(told.blocks_of_round, blocks);
        if (blocks > 0 && round.find('d') != std::string::npos) ++told.beside_steps;
    }
    return told;
}

TEST_P(Slices, BlocksComeOneByOneAndOthersGoOn) {
    const auto rounds = run(words(1300, 'n'), kOneBlock);
    const Told imports = told_of(rounds, 'i');
    EXPECT_GE(imports.blocks, 6);
    EXPECT_EQ(imports.blocks_of_round, 1);
    EXPECT_GE(imports.beside_steps, 1);
    const Told exports = told_of(rounds, 'e');
    EXPECT_GE(exports.blocks, 6);
    EXPECT_EQ(exports.blocks_of_round, 1);
    EXPECT_GE(exports.beside_steps, 1);
}

TEST_P(Slices, ControlWithoutSlicesOthersWait) {
    const auto rounds = run(words(1300, 'n'), kEverything);
    EXPECT_GE(told_of(rounds, 'i').blocks_of_round, 6);
    EXPECT_GE(told_of(rounds, 'e').blocks_of_round, 5);
}

TEST_P(Slices, WhoGoesOnAtOnceReadsNothingAgain) {
    EngineLoop loop(in_slices_of(kOneBlock), world_->memory(), world_->engine(), clock_);
    const ChatMessage begin = said(Role::kUser, words(900));
    const auto first = ask(loop, sent("client", {begin}))->wait();
    ASSERT_TRUE(first);
    ASSERT_FALSE(loop.idle()) << "its KV is still being saved";
    const auto second =
        ask(loop, sent("client", {begin, first->message, said(Role::kUser, "go on")}))->wait();
    ASSERT_TRUE(second);
    EXPECT_EQ(second->metrics.source, ReuseSource::kResident);
    EXPECT_GE(second->metrics.reused_tokens, first->metrics.prompt_tokens);
    while (!loop.idle()) loop.round();
}

TEST_P(Slices, TheNextTurnBeginsThoughTheSaveOfAnotherAgentCopiesFirst) {
    EngineLoop loop(in_slices_of(kOneBlock), world_->memory(), world_->engine(), clock_);
    ASSERT_TRUE(say(loop, "eve", words(3500), 500)->over());
    ASSERT_TRUE(say(loop, "bob", "hello", 500)->over());
    record_.clear();
    const auto next = say(loop, "bob", "go on", 1);
    EXPECT_EQ(loop.stats().turns_waiting, 0U);
    EXPECT_NE(record_.find('e'), std::string::npos) << "eve's rows are still being copied";
    while (!loop.idle()) loop.round();
    EXPECT_TRUE(next->wait());
}

// A branch took the place of the main line, whose rows are being written: who goes on from those waits for
// them, and reads nothing again.
TEST_P(Slices, WhatGaveWayToABranchIsWaitedForWhileItIsWritten) {
    SchedulerOptions scheduling;
    scheduling.active_turns_max = 3;
    EngineLoop loop(scheduling, world_->memory(), world_->engine(), clock_);
    const ChatMessage begin = said(Role::kUser, words(600));
    const auto first = ask(loop, sent("client", {begin}))->wait();
    ASSERT_TRUE(first);
    while (!loop.idle()) loop.round();
    world_->disk().hold_writes();
    const auto main =
        ask(loop, sent("client", {begin, first->message, said(Role::kUser, words(500, 'm'))}))->wait();
    ASSERT_TRUE(main);
    ASSERT_TRUE(
        ask(loop, sent("client", {begin, first->message, said(Role::kUser, words(500, 'b'))}))->wait());
    const auto next = ask(loop,
                          sent("client", {begin, first->message, said(Role::kUser, words(500, 'm')),
                                          main->message, said(Role::kUser, "go on")}),
                          200);
    EXPECT_FALSE(next->over());
    world_->disk().let_writes_go();
    while (!loop.idle()) loop.round();
    const auto turn = next->wait();
    ASSERT_TRUE(turn);
    EXPECT_EQ(turn->metrics.source, ReuseSource::kDisk);
    EXPECT_GE(turn->metrics.reused_tokens, main->metrics.prompt_tokens);
}

// A disk that hangs holds nobody up who needs nothing from it.
TEST_P(Slices, TurnsGoOnWhileTheDiskHangs) {
    SchedulerOptions scheduling;
    scheduling.active_turns_max = 1;
    EngineLoop loop(scheduling, world_->memory(), world_->engine(), clock_);
    world_->disk().hold_writes();
    const auto first = say(loop, "eve", words(600), 200);
    const auto other = say(loop, "bob", words(600), 200);
    const auto second = say(loop, "eve", words(600), 200);
    EXPECT_TRUE(first->over() && other->over() && second->over());
    EXPECT_FALSE(loop.idle()) << "nothing is saved";
    const auto third = say(loop, "eve", words(600), 200);
    EXPECT_TRUE(third->over()) << "the second's save gives way: no more rows are kept in memory for it";
    world_->disk().let_writes_go();
    while (!loop.idle()) loop.round();
    for (const auto& listener : {first, other, second, third}) {
        const auto turn = listener->wait();
        ASSERT_TRUE(turn);
        EXPECT_EQ(turn->metrics.source, ReuseSource::kResident);
    }
    EXPECT_EQ(world_->memory().show("eve")->state, AgentState::kReady);
}

// Cells of what is being written are not promised to others, who else would have to wait in a step.
TEST(CellsBeingWritten, AreNotFree) {
    WorldOptions options;
    options.engine = plain_engine();
    options.engine.sequences = 4;
    options.engine.append_cells = 700;  // one of these turns
    options.memory.agents_resident_max = 4;
    World world(options);
    StepClock clock;
    for (const char* name : {"ada", "bob"}) world.create(name, "You are a friend.");
    EngineLoop loop({}, world.memory(), world.engine(), clock);
    world.disk().hold_writes();
    EXPECT_TRUE(say(loop, "ada", words(450), 100)->over());
    std::atomic<bool> is_over = false;
    std::thread watch([&] {  // a step that waits for the disk would wait for ever
        for (int i = 0; i < 500 && !is_over; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
        world.disk().let_writes_go();
    });
    const auto other = say(loop, "bob", words(450), 100);
    EXPECT_FALSE(other->over());
    EXPECT_EQ(loop.waiting(), 1u);
    is_over = true;
    watch.join();
    while (!loop.idle()) loop.round();
    EXPECT_TRUE(other->wait());
}

TEST_P(Slices, ATurnCancelledWhileItIsRestoredEndsAndTheAgentGoesOn) {
    SchedulerOptions scheduling;
    scheduling.io_slice_us = kOneBlock;
    scheduling.io_slice_alone_us = kOneBlock;
    EngineLoop loop(scheduling, world_->memory(), world_->engine(), clock_);
    TurnRequest request;
    request.agent = "ada";
    request.messages = {{Role::kUser, "hello", {}, {}, {}, {}}};
    const auto listener = std::make_shared<WaitingListener>();
    const auto ticket = std::make_shared<TurnTicket>();
    loop.add({request, listener, ticket, 0});
    while (record_.find('i') == std::string::npos) loop.round();
    ASSERT_FALSE(listener->over());
    ticket->cancel();
    while (!loop.idle()) loop.round();
    const auto ended = listener->wait();
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().code, ErrorCode::kCancelled);
    const TurnResult turn = world_->say("ada", "hello");
    EXPECT_EQ(turn.metrics.source, ReuseSource::kDisk);
}

}  // namespace
}  // namespace kvasir::test
