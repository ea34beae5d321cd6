// Any sequence of operations on any family: every answer is the exact model's, the catalog is in order, no
// file is left over. A planted bug is found and shrunk to a trace that can be read.
#include "memory/random_operations.h"

#include <array>
#include <cstdio>

#include <gtest/gtest.h>

#include "support/forwarding_engine.h"

namespace kvasir::test {
namespace {

constexpr std::array<const char*, 7> kFamilies = {"plain",  "windowed",        "chunked", "recurrent",
                                                  "hybrid", "hybrid_windowed", "opaque"};

WorldOptions options_of(const std::string& family) {
    WorldOptions options;
    options.engine = engine_of_family(family);
    options.engine.context_tokens = 900;
    return options;
}

std::string trace(const std::vector<Operation>& operations) {
    std::string text;
    for (const Operation& operation : operations) text += "  " + describe(operation) + "\n";
    return text;
}

void expect_right(const std::string& family, std::uint32_t seed, std::size_t count,
                  TurnCounts* counts = nullptr) {
    const WorldOptions options = options_of(family);
    const auto operations = random_operations(seed, count);
    const auto wrong = play_operations(operations, options, counts);
    if (!wrong) return;
    const auto shortest = shrink(operations, [&](const std::vector<Operation>& some) {
        return play_operations(some, options).has_value();
    });
    ADD_FAILURE() << family << ", seed " << seed << ": " << *wrong << "\nshortest:\n"
                  << trace(shortest) << play_operations(shortest, options).value_or("");
}

class RandomOperations : public testing::TestWithParam<const char*> {};
KVASIR_ALL_FAMILIES(RandomOperations);

TEST_P(RandomOperations, NeverChangeWhatAnAgentRemembers) { expect_right(GetParam(), 11, 70); }

// The bug: of a block that is cut on its way in, the last row is the row before it.
class OneRowTooEarly final : public ForwardingEngine {
  public:
    explicit OneRowTooEarly(std::unique_ptr<Engine> inner) : ForwardingEngine(std::move(inner)) {}
    Status import_rows(SequenceId sequence, Plane plane, TokenRange range,
                       std::span<const std::byte> image) override {
        std::vector<std::byte> changed(image.begin(), image.end());
        const std::size_t key = kv_layout().layers(plane).front().key_row_bytes;
        if (plane == Plane::kAppend && range.size() % 256 != 0 && range.size() > 1)
            std::copy_n(changed.begin() + static_cast<std::ptrdiff_t>(key * (range.size() - 2)), key,
                        changed.begin() + static_cast<std::ptrdiff_t>(key * (range.size() - 1)));
        return ForwardingEngine::import_rows(sequence, plane, range, changed);
    }
};

// Another: a fork in memory knows another last token than it should.
class LastTokenOfAFork final : public ForwardingEngine {
  public:
    explicit LastTokenOfAFork(std::unique_ptr<Engine> inner) : ForwardingEngine(std::move(inner)) {}
    Status fork(SequenceId from, SequenceId to, Position position) override {
        KVASIR_TRY(ForwardingEngine::fork(from, to, position - 1));
        const BatchRow row{to, 'x', position - 1, false};
        return ForwardingEngine::decode({&row, 1});
    }
};

template <class Bug>
void expect_short_trace(std::uint32_t seed) {
    WorldOptions options = options_of("plain");
    options.decorate = [](std::unique_ptr<Engine> engine) -> std::unique_ptr<Engine> {
        return std::make_unique<Bug>(std::move(engine));
    };
    const auto operations = random_operations(seed, 60);
    ASSERT_TRUE(play_operations(operations, options)) << "the bug went unseen";
    EXPECT_FALSE(play_operations(operations, options_of("plain"))) << "without it all is well";
    const auto shortest = shrink(operations, [&](const std::vector<Operation>& some) {
        return play_operations(some, options).has_value();
    });
    EXPECT_LE(shortest.size(), 4U) << trace(shortest);
    EXPECT_NE(play_operations(shortest, options).value_or("").find("should answer"), std::string::npos);
    std::printf("shrunk from %zu to %zu operations:\n%s%s\n", operations.size(), shortest.size(),
                trace(shortest).c_str(), play_operations(shortest, options).value_or("").c_str());
}

TEST(RandomOperationsControl, APlantedBugShrinksToAShortTrace) { expect_short_trace<OneRowTooEarly>(3); }

TEST(RandomOperationsControl, SoDoesOneInForks) { expect_short_trace<LastTokenOfAFork>(4); }

TEST(SoakRandomOperations, AHundredThousandOfThem) {
    constexpr std::size_t kOperations = 100'000;
    constexpr std::size_t kEach = 200;
    TurnCounts turns;
    for (std::uint32_t i = 0; i < kOperations / kEach && !testing::Test::HasFailure(); ++i)
        expect_right(kFamilies[i % kFamilies.size()], 1000 + i, kEach, &turns);
    for (const auto& [source, count] : turns)
        std::printf("turns that reused from %s: %zu\n", to_string(source), count);
}

}  // namespace
}  // namespace kvasir::test
