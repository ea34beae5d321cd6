// Whether a restore pays, from rates that are made up, both ways; and what memory does by them.
#include "memory/kv_rates.h"

#include <gtest/gtest.h>

#include "memory/measure_rates.h"
#include "memory/world.h"

namespace kvasir::test {
namespace {

// Reading takes `read_ms` a token; a restore `fixed_ms` and `token_ms` a token.
KvRates rates_of(double read_ms, double fixed_ms, double token_ms) {
    KvRates rates;
    for (const Position tokens : {100U, 400U, 1000U, 200U}) {
        rates.note_prefill(tokens, read_ms * tokens);
        rates.note_restore(tokens, fixed_ms + token_ms * tokens);
    }
    return rates;
}

TEST(KvRates, ALineThroughWhatWasSeenTellsFixedAndPerToken) {
    const KvRates rates = rates_of(1.0, 20, 0.1);
    EXPECT_NEAR(rates.restore_fixed_ms(), 20, 1e-6);
    EXPECT_NEAR(rates.restore_token_ms(), 0.1, 1e-9);
    EXPECT_NEAR(*rates.prefill_ms(14'203), 14'203, 1e-3);
    EXPECT_NEAR(*rates.restore_ms(1000), 120, 1e-6);
    ASSERT_TRUE(rates.break_even());
    EXPECT_EQ(*rates.break_even(), 23U) << "20 / 0.9, rounded up";
}

TEST(KvRates, ChoosesWhatIsFaster) {
    KvRates rates = rates_of(1.0, 20, 0.1);
    EXPECT_EQ(rates.choose(1000, 1000), RestoreChoice::kRestore);
    EXPECT_EQ(rates.choose(10, 10), RestoreChoice::kRecompute) << "21 ms for 10";
    EXPECT_EQ(rates.choose(1000, 30), RestoreChoice::kRecompute) << "most of it is there already";
    EXPECT_EQ(rates.choose(1000, 1000), RestoreChoice::kRestore);
    KvRates slow_disk = rates_of(0.01, 20, 1.0);
    EXPECT_FALSE(slow_disk.break_even());
    EXPECT_EQ(slow_disk.choose(10'000, 10'000), RestoreChoice::kRecompute);
}

TEST(KvRates, ARestoreIsTriedAsLongAsLittleIsKnownAndNowAndThen) {
    KvRates rates;
    EXPECT_EQ(rates.choose(10, 10), RestoreChoice::kRestore);
    EXPECT_FALSE(rates.prefill_ms(10));
    EXPECT_FALSE(rates.break_even());
    rates = rates_of(0.01, 20, 1.0);
    int restores = 0;
    for (int i = 0; i < 64; ++i) restores += rates.choose(1000, 1000) == RestoreChoice::kRestore ? 1 : 0;
    EXPECT_EQ(restores, 4);
    // The disk became fast: what is tried shows it.
    for (int i = 0; i < 60; ++i) rates.note_restore(1000, 0.001);
    EXPECT_EQ(rates.choose(1000, 1000), RestoreChoice::kRestore);
}

TEST(KvRates, NoiseGivesNoNonsense) {
    KvRates rates;
    rates.note_restore(100, 50);
    rates.note_restore(1000, 1);  // falling
    EXPECT_GE(rates.restore_token_ms(), 0);
    EXPECT_GE(rates.restore_fixed_ms(), 0);
    KvRates equal;
    for (int i = 0; i < 5; ++i) equal.note_prefill(64, 640);
    EXPECT_NEAR(*equal.prefill_ms(64), 640, 1e-6);
    equal.note_prefill(3, 1e9);  // a step of few tokens says nothing
    EXPECT_NEAR(*equal.prefill_ms(64), 640, 1e-6);
}

TEST(KvRates, AreKeptAsText) {
    const KvRates rates = rates_of(1.0, 20, 0.1);
    const KvRates again = KvRates::from_text(rates.text());
    EXPECT_EQ(again.text(), rates.text());
    EXPECT_EQ(*again.break_even(), *rates.break_even());
    for (const char* text : {"", "1 2 3", "nonsense", "nan nan nan nan nan nan nan nan nan nan nan nan",
                             "-1 1 1 1 1 1 1 1 1 1 1 1"})
        EXPECT_FALSE(KvRates::from_text(text).known()) << text;
}

// What a world's memory knows when it starts.
void set_rates(World& world, const KvRates& rates) {
    const std::string digest = world.engine().fingerprint().digest().hex();
    ASSERT_TRUE(world.store().catalog().set_setting(kKvRatesSetting, digest + " " + rates.text()));
}

TEST(RestoreOrRecompute, MemoryDoesWhatTheRatesSay) {
    for (const bool restore_is_faster : {true, false}) {
        WorldOptions options;
        options.engine = plain_engine();
        options.memory.restore = RestorePolicy::kWhenFaster;
        World world(options);
        world.create("ada", "You are Ada. " + words(300));
        world.say("ada", "first");
        set_rates(world, restore_is_faster ? rates_of(1.0, 1, 0.001) : rates_of(0.001, 100, 1.0));
        world.restart();
        const TurnResult turn = world.say("ada", "second");
        if (restore_is_faster) {
            EXPECT_EQ(turn.metrics.source, ReuseSource::kDisk);
            EXPECT_EQ(turn.metrics.not_reused_reason, "");
        } else {
            EXPECT_EQ(turn.metrics.reused_tokens, 0U);
            EXPECT_EQ(turn.metrics.not_reused_reason, "recompute_cheaper");
            EXPECT_EQ(turn.warning, "");
        }
        // A check looks at what is stored, whatever is faster.
        const auto report = world.memory().verify("ada");
        ASSERT_TRUE(report) << report.error().message;
        EXPECT_GT(report->restored_tokens, 300U);
    }
}

// What somebody resident holds costs nothing, even where more is stored.
TEST(RestoreOrRecompute, WhereReadingIsFasterWhatIsResidentIsCopiedFirst) {
    WorldOptions options;
    options.engine = plain_engine();
    options.memory.restore = RestorePolicy::kWhenFaster;
    World world(options);
    for (const char* name : {"ada", "bob"}) {
        world.create(name, "You are one of many. " + words(300));
        world.say(name, std::string("I am ") + name);
    }
    set_rates(world, rates_of(0.001, 100, 1.0));
    world.restart();
    EXPECT_EQ(world.say("ada", "second").metrics.reused_tokens, 0U);
    const TurnResult turn = world.say("bob", "second");
    EXPECT_EQ(turn.metrics.source, ReuseSource::kMemoryFork);
    EXPECT_GT(turn.metrics.reused_tokens, 300U) << "the system prompt, of ada";
    EXPECT_EQ(turn.metrics.not_reused_reason, "recompute_cheaper");
}

TEST(RestoreOrRecompute, RatesOutliveTheProcessAndBelongToOneModel) {
    WorldOptions options;
    options.engine = plain_engine();
    World world(options);
    world.create("ada", "You are Ada. " + words(300));
    world.say("ada", "first");
    world.restart();
    world.say("ada", "second");
    EXPECT_TRUE(world.memory().rates().known());
    const std::string text = world.memory().rates().text();
    world.restart();
    EXPECT_EQ(world.memory().rates().text(), text);
    FakeEngineOptions other = plain_engine();
    other.kv_type = "q8_0";
    world.restart(other);
    EXPECT_FALSE(world.memory().rates().known());
}

class MeasuredRates : public testing::TestWithParam<const char*> {};
KVASIR_ALL_FAMILIES(MeasuredRates);

TEST_P(MeasuredRates, AreMeasuredNowAndLeaveNothing) {
    WorldOptions options;
    options.engine = engine_of_family(GetParam());
    World world(options);
    const auto rates = world.memory().measure_rates();
    ASSERT_TRUE(rates) << rates.error().message;
    EXPECT_TRUE(rates->known());
    for (const BlockKindInfo& kind : kBlockKinds) EXPECT_TRUE(world.block_files(kind.kind).empty());
    EXPECT_EQ(world.engine().open_sequences(), 0U);
    EXPECT_TRUE(world.memory().rates().known());
}

}  // namespace
}  // namespace kvasir::test
