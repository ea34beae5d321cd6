// A full context whose oldest turns are left out: what stays of it is read where nobody waits, so that the
// turn that comes then reads its message only. Real turns come first.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "memory/world.h"
#include "sched/engine_loop.h"
#include "sched/waiting_listener.h"

namespace kvasir::test {
namespace {

constexpr Position kContext = 1024;
constexpr Position kMessage = 150;  // tokens that one takes at most, with what the template puts around it
constexpr std::uint32_t kChunk = 64;

// Counts the rows that were evaluated.
class RowsEngine final : public ForwardingEngine {
  public:
    RowsEngine(std::unique_ptr<Engine> inner, std::vector<std::size_t>& steps)
        : ForwardingEngine(std::move(inner)), steps_(steps) {}
    Status decode(std::span<const BatchRow> rows) override {
        steps_.push_back(rows.size());
        return ForwardingEngine::decode(rows);
    }

  private:
    std::vector<std::size_t>& steps_;
};

class ReadingAhead : public testing::TestWithParam<const char*> {
  protected:
    ReadingAhead() {
        WorldOptions options;
        options.engine = engine_of_family(GetParam());
        options.engine.context_tokens = kContext;
        options.engine.sequences = 4;
        options.engine.batch_tokens = 4 * kChunk;
        options.memory.agents_resident_max = 3;
        options.memory.on_event = [this](const MemoryEvent& event) {
            if (event.kind == MemoryEventKind::kReadAhead) events_.push_back(event);
        };
        options.decorate = [this](std::unique_ptr<Engine> inner) {
            return std::make_unique<RowsEngine>(std::move(inner), steps_);
        };
        world_ = std::make_unique<World>(options);
        start();
        create("ada");
    }
    void start() {
        SchedulerOptions scheduling;
        scheduling.active_turns_max = 3;
        scheduling.prompt_chunk_tokens = kChunk;
        loop_ = std::make_unique<EngineLoop>(scheduling, world_->memory(), world_->engine(), clock_);
    }
    void restart() {
        loop_.reset();
        ASSERT_TRUE(world_->memory().save_all());
        world_->restart();
        start();
    }
    void create(const std::string& name) {
        ASSERT_TRUE(world_->memory().create(name, "", "You are somebody. " + words(100, 's')));
        ASSERT_TRUE(world_->memory().set_when_full(name, WhenFull::kDropOldestTurns));
    }
    std::shared_ptr<WaitingListener> ask(const std::string& name, const std::string& text,
                                         std::uint32_t answer_tokens_max = 12) {
        TurnRequest request;
        request.agent = name;
        request.messages = {{Role::kUser, text, {}, {}, {}, {}}};
        request.reading = AnswerReading::kRaw;
        request.answer_tokens_max = answer_tokens_max;
        auto listener = std::make_shared<WaitingListener>();
        loop_->add({request, listener, std::make_shared<TurnTicket>(), 0});
        return listener;
    }
    TurnResult say(const std::string& name, const std::string& text) {
        const auto listener = ask(name, text);
        while (!loop_->idle()) loop_->round();
        const auto turn = listener->wait();
        EXPECT_TRUE(turn) << turn.error().message;
        return turn ? *turn : TurnResult{};
    }
    static std::string text(int number) { return "number " + std::to_string(number) + " " + words(120); }
    // Until the next turn will have to leave something out: the number of that turn.
    int fill(const std::string& name) {
        for (int number = 0; number < 30; ++number) {
            say(name, text(number));
            if (loop_->has_idle_work()) return number + 1;
        }
        ADD_FAILURE() << "nothing is read ahead";
        return 0;
    }
    void rest() {
        for (int i = 0; i < 1000 && loop_->has_idle_work(); ++i) loop_->idle_step();
        EXPECT_FALSE(loop_->has_idle_work());
    }

    std::vector<std::size_t> steps_;
    std::vector<MemoryEvent> events_;
    std::unique_ptr<World> world_;
    std::unique_ptr<EngineLoop> loop_;
    StepClock clock_;
};
KVASIR_ALL_FAMILIES(ReadingAhead);

TEST_P(ReadingAhead, TheTurnThatLeavesTurnsOutReadsItsMessageOnly) {
    int drops = 0;
    std::uint32_t dropped_before = 0;
    for (int number = 0; number < 40; ++number) {
        const TurnResult turn = say("ada", text(number));
        if (turn.metrics.turns_dropped > dropped_before) {
            ++drops;
            EXPECT_LE(turn.metrics.evaluated_tokens, kMessage) << number;
            EXPECT_GT(turn.metrics.reused_tokens, kContext / 3);
            EXPECT_EQ(turn.metrics.source, ReuseSource::kResident);
            dropped_before = turn.metrics.turns_dropped;
        }
        rest();
    }
    EXPECT_GE(drops, 3);
    EXPECT_EQ(events_.size(), static_cast<std::size_t>(drops));
    EXPECT_EQ(loop_->stats().read_aheads_done, static_cast<std::uint64_t>(drops));
    EXPECT_GT(loop_->stats().read_ahead_tokens, static_cast<std::uint64_t>(drops) * kContext / 4);
}

TEST_P(ReadingAhead, ControlWithoutIdleTimeTheTurnReadsItAll) {
    const int next = fill("ada");
    const TurnResult turn = say("ada", text(next));
    EXPECT_GT(turn.metrics.turns_dropped, 0U);
    EXPECT_GT(turn.metrics.evaluated_tokens, kContext / 3);
}

// What the model reads, and so what it says, does not depend on whether there was time.
TEST_P(ReadingAhead, ChangesNoAnswer) {
    create("eve");
    for (int number = 0; number < 25; ++number) {
        const TurnResult with = say("ada", text(number));
        rest();
        const TurnResult without = say("eve", text(number));
        loop_->cancel_all();  // forgets what is to be read
        EXPECT_EQ(with.metrics.turns_dropped, without.metrics.turns_dropped) << number;
        EXPECT_EQ(with.metrics.prompt_tokens, without.metrics.prompt_tokens) << number;
    }
    Catalog& catalog = world_->store().catalog();
    const auto tokens = [&](const char* name) { return *catalog.tokens(catalog.agent(name)->id); };
    const auto turns = [&](const char* name) { return catalog.turns(catalog.agent(name)->id)->back(); };
    const TurnRecord ada = turns("ada");
    // The same model on the same tokens, without KV.
    const auto all = tokens("ada");
    const std::vector<Token> prompt(all.begin(), all.begin() + ada.token_begin + ada.prompt_token_count);
    const auto exact = exact_answer(world_->engine().fake(), prompt, 12);
    EXPECT_EQ(std::vector<Token>(all.end() - static_cast<std::ptrdiff_t>(exact.size()), all.end()), exact);
}

TEST_P(ReadingAhead, MakesWayForATurnAndGoesOnAfterwards) {
    create("bob");
    const int next = fill("ada");
    loop_->idle_step();  // begins
    for (int i = 0; i < 200 && loop_->stats().read_ahead_tokens < kChunk; ++i) loop_->idle_step();
    const std::uint64_t read = loop_->stats().read_ahead_tokens;
    ASSERT_GT(read, 0U);
    ASSERT_TRUE(loop_->has_idle_work());
    const auto bob = ask("bob", "hello");
    EXPECT_FALSE(world_->memory().is_busy("ada")) << "its place is free at once";
    while (!loop_->idle()) loop_->round();
    ASSERT_TRUE(bob->wait());
    EXPECT_EQ(loop_->stats().read_ahead_tokens, read) << "nothing is read beside a turn";
    steps_.clear();
    rest();
    for (const std::size_t rows : steps_) EXPECT_LE(rows, kChunk) << "whoever comes waits for one chunk";
    const std::uint64_t all = loop_->stats().read_ahead_tokens;
    EXPECT_GT(all, read);
    EXPECT_LE(all, kContext) << "what was read is not read again";
    EXPECT_LE(say("ada", text(next)).metrics.evaluated_tokens, kMessage);
}

TEST_P(ReadingAhead, ItsOwnTurnTakesOverWhatIsReadByThen) {
    const int next = fill("ada");
    for (int i = 0; i < 200 && loop_->stats().read_ahead_tokens < 3 * kChunk; ++i) loop_->idle_step();
    ASSERT_TRUE(loop_->has_idle_work());
    const TurnResult turn = say("ada", text(next));
    EXPECT_GT(turn.metrics.turns_dropped, 0U);
    EXPECT_GE(turn.metrics.reused_tokens, 3 * kChunk);
    rest();
    EXPECT_TRUE(events_.empty()) << "it was not read to its end";
    say("ada", "and on");
}

TEST_P(ReadingAhead, AShortMessageFindsItsWholeConversation) {
    fill("ada");
    const Position before = world_->memory().show("ada")->token_count;
    rest();
    const TurnResult turn = say("ada", "x");
    ASSERT_EQ(turn.metrics.turns_dropped, 0U);
    EXPECT_EQ(turn.metrics.source, ReuseSource::kDisk);
    EXPECT_GE(turn.metrics.reused_tokens + 2, before);
}

TEST_P(ReadingAhead, WhatWasReadIsThereAfterARestart) {
    const int next = fill("ada");
    rest();
    restart();
    const TurnResult turn = say("ada", text(next));
    EXPECT_GT(turn.metrics.turns_dropped, 0U);
    EXPECT_EQ(turn.metrics.source, ReuseSource::kDisk);
    EXPECT_LE(turn.metrics.evaluated_tokens, kMessage);
    EXPECT_TRUE(world_->store().catalog().check());
}

TEST_P(ReadingAhead, WhenItLeavesBothAreStored) {
    create("eve");
    const int next = fill("ada");
    rest();
    ASSERT_EQ(fill("eve"), next);
    const Position before = world_->memory().show("eve")->token_count;
    rest();
    for (const char* name : {"ada", "eve"}) ASSERT_TRUE(world_->memory().evict(name));
    const TurnResult drops = say("ada", text(next));
    EXPECT_GT(drops.metrics.turns_dropped, 0U);
    EXPECT_EQ(drops.metrics.source, ReuseSource::kDisk);
    EXPECT_LE(drops.metrics.evaluated_tokens, kMessage);
    const TurnResult fits = say("eve", "x");
    ASSERT_EQ(fits.metrics.turns_dropped, 0U);
    EXPECT_EQ(fits.metrics.source, ReuseSource::kDisk);
    EXPECT_GE(fits.metrics.reused_tokens + 2, before);
}

TEST_P(ReadingAhead, BrokenOffByARestartNothingIsWrong) {
    const int next = fill("ada");
    for (int i = 0; i < 200 && loop_->stats().read_ahead_tokens < kChunk; ++i) loop_->idle_step();
    restart();
    EXPECT_FALSE(loop_->has_idle_work());
    const TurnResult turn = say("ada", text(next));
    EXPECT_GT(turn.metrics.turns_dropped, 0U);
    const auto report = world_->memory().verify("ada");
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_TRUE(report->good);
    EXPECT_TRUE(world_->store().catalog().check());
}

TEST_P(ReadingAhead, IsForgottenWhenItIsOfNoUseAnyMore) {
    fill("ada");
    ASSERT_TRUE(world_->memory().set_when_full("ada", WhenFull::kRefuse));
    rest();
    EXPECT_EQ(loop_->stats().read_ahead_tokens, 0U);
    create("eve");
    fill("eve");
    ASSERT_TRUE(world_->memory().evict("eve"));
    rest();
    EXPECT_EQ(loop_->stats().read_ahead_tokens, 0U) << "nobody is brought back for it";
    create("bob");
    fill("bob");
    for (int i = 0; i < 3; ++i) loop_->idle_step();
    loop_->pause_idle_work();
    ASSERT_TRUE(world_->memory().remove("bob"));
    rest();
    EXPECT_TRUE(events_.empty());
}

// Rows that are nowhere else are not given up for it.
TEST_P(ReadingAhead, IsLeftAloneWhatCouldNotBeSaved) {
    for (int number = 0; number < 30 && !loop_->has_idle_work(); ++number) {
        if (number == 2) world_->disk().refuse_writes = Error{ErrorCode::kIo, "the disk does not write"};
        say("ada", text(number));
    }
    rest();
    EXPECT_EQ(loop_->stats().read_ahead_tokens, 0U);
    EXPECT_TRUE(events_.empty());
}

TEST(IdleReadsQueue, IsBounded) {
    WorldOptions options;
    options.engine = plain_engine();
    World world(options);
    IdleReads reads({}, world.memory(), world.engine());
    SchedulerStats stats;
    for (std::size_t i = 0; i < 2 * kReadAheadsMax; ++i) {
        reads.add({"agent-" + std::to_string(i / 2), TurnId{}, Thinking::kDefault, {}, {}});
        reads.add_to(stats);
        EXPECT_LE(stats.read_aheads_waiting, kReadAheadsMax);
    }
    EXPECT_EQ(stats.read_aheads_waiting, kReadAheadsMax) << "one of an agent";
    reads.add({"another", TurnId{}, Thinking::kDefault, {}, {}});
    reads.add_to(stats);
    EXPECT_EQ(stats.read_aheads_waiting, kReadAheadsMax);
    while (!reads.empty()) reads.step();
}

}  // namespace
}  // namespace kvasir::test
