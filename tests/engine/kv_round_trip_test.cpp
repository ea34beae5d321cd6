// Rows that were exported and imported elsewhere, at other cells, give the logits of a sequence that never
// stopped, to the last bit. And the controls: what is lost, altered, shifted or another agent's is seen by
// the same comparison.
#include <cstring>
#include <tuple>

#include <gtest/gtest.h>

#include "engine/live_engine.h"

namespace kvasir::test {
namespace {

constexpr Position kTokensAfter = 20;

struct Model {
    std::string name;
    std::string path;
    std::string kv_type;
};

void PrintTo(const Model& model, std::ostream* out) { *out << model.name << " " << model.kv_type; }

const std::vector<Model>& models() {
    static const std::vector<Model> kModels = {
        {"plain", kPlainModel, "f16"},    {"plain", kPlainModel, "q8_0"}, {"window", kWindowModel, "f16"},
        {"window", kWindowModel, "q8_0"}, {"demo", kDemoModel, "f16"},    {"demo", kDemoModel, "q8_0"}};
    return kModels;
}

// A conversation of `count` tokens that was never stopped, and what was saved of it.
struct NeverStopped {
    Token next = 0;
    std::vector<Logits> logits;
    std::vector<SavedRows> saved;
};

NeverStopped run_never_stopped(const Model& model, std::uint32_t seed, Position count) {
    NeverStopped run;
    {
        const auto engine = open_or_throw(exact_options(model.path, model.kv_type));
        const SequenceId sequence = open_sequence(*engine);
        EXPECT_TRUE(feed(*engine, sequence, random_tokens(*engine, seed, count)));
        run.next = random_tokens(*engine, seed + 1000, 1).front();
        run.logits = continue_greedily(*engine, sequence, run.next, kTokensAfter);
    }
    const auto engine = open_or_throw(exact_options(model.path, model.kv_type));
    const SequenceId sequence = open_sequence(*engine);
    EXPECT_TRUE(feed(*engine, sequence, random_tokens(*engine, seed, count)));
    run.saved = save(*engine, sequence);
    EXPECT_EQ(continue_greedily(*engine, sequence, run.next, kTokensAfter), run.logits)
        << "the export disturbed it";
    return run;
}

// In a fresh engine whose first cells belong to somebody else, who speaks on between the blocks.
Result<std::vector<Logits>> run_restored(const Model& model, const NeverStopped& run) {
    const auto engine = open_or_throw(exact_options(model.path, model.kv_type));
    const SequenceId other = open_sequence(*engine);
    KVASIR_TRY(feed(*engine, other, random_tokens(*engine, 77, 50)));
    const SequenceId sequence = open_sequence(*engine);
    for (const SavedRows& rows : run.saved) {
        KVASIR_TRY(engine->import_rows(sequence, rows.plane, rows.range, rows.image));
        if (engine->kv_layout().window_tokens == 0 || rows.plane == Plane::kAppend) {
            KVASIR_TRY(feed(*engine, other, random_tokens(*engine, 78, 7)));
        }
    }
    if (engine->length(sequence) != run.saved.back().range.end) {
        return fail(ErrorCode::kDamaged, "the sequence is not whole");
    }
    return continue_greedily(*engine, sequence, run.next, kTokensAfter);
}

class RoundTrip : public testing::TestWithParam<std::tuple<Model, Position>> {};

TEST_P(RoundTrip, LogitsAreBitIdenticalToNeverStopped) {
    const auto& [model, count] = GetParam();
    const NeverStopped run = run_never_stopped(model, 1, count);
    const auto restored = run_restored(model, run);
    ASSERT_TRUE(restored) << restored.error().message;
    EXPECT_EQ(*restored, run.logits);
}

INSTANTIATE_TEST_SUITE_P(Models, RoundTrip,
                         testing::Combine(testing::ValuesIn(models()),
                                          testing::Values(1, 31, 32, 33, 255, 256, 257, 600)),
                         [](const auto& param) {
                             const Model& model = std::get<0>(param.param);
                             return model.name + "_" + model.kv_type + "_" +
                                    std::to_string(std::get<1>(param.param));
                         });

// Negates every number of one row of the image: finite, but another row.
void negate_row(const KvLayer& layer, std::byte* row) {
    const std::size_t stride = layer.key_type == "q8_0" ? 34 : 2;
    for (std::size_t i = 1; i < layer.key_row_bytes; i += stride) row[i] ^= std::byte{0x80};
}

class RoundTripControl : public testing::TestWithParam<Model> {
  protected:
    void SetUp() override {
        run_ = run_never_stopped(GetParam(), 1, 300);
        layout_ = open_or_throw(exact_options(GetParam().path, GetParam().kv_type))->kv_layout();
    }
    void expect_noticed() const {
        const auto restored = run_restored(GetParam(), run_);
        if (restored) {
            EXPECT_NE(*restored, run_.logits) << "the comparison is blind to this";
        }
    }
    NeverStopped run_;
    KvLayout layout_;
};

TEST_P(RoundTripControl, OneAlteredRowIsSeen) {
    negate_row(layout_.append.front(),
               run_.saved.front().image.data() + 17 * layout_.append.front().key_row_bytes);
    expect_noticed();
}

TEST_P(RoundTripControl, PositionsShiftedByOneAreSeen) {
    // Every row stands where the row before it belongs.
    const KvLayout& layout = layout_;
    std::vector<std::byte>& image = run_.saved.front().image;
    std::size_t at = 0;
    for (const KvLayer& layer : layout.append) {
        for (const std::uint64_t row_bytes : {layer.key_row_bytes, layer.value_row_bytes}) {
            std::memmove(image.data() + at, image.data() + at + row_bytes, row_bytes * 255);
            at += row_bytes * 256;
        }
    }
    ASSERT_EQ(at, image.size());
    expect_noticed();
}

TEST_P(RoundTripControl, AnotherAgentsBlockIsSeen) {
    const NeverStopped other = run_never_stopped(GetParam(), 2, 300);
    ASSERT_EQ(other.saved.front().image.size(), run_.saved.front().image.size());
    run_.saved.front().image = other.saved.front().image;
    expect_noticed();
}

class RoundTripWindowControl : public RoundTripControl {};

TEST_P(RoundTripWindowControl, LostWindowRowsAreRefusedOrSeen) {
    ASSERT_GT(layout_.window_tokens, 0U);
    SavedRows& window = run_.saved.back();
    ASSERT_EQ(window.plane, Plane::kWindow);
    const std::vector<std::byte> whole = window.image;
    // Each row alone matters, the oldest of the window too.
    for (const std::size_t row : {std::size_t{0}, std::size_t{window.range.size() - 1}}) {
        window.image = whole;
        negate_row(layout_.window.front(), window.image.data() + row * layout_.window.front().key_row_bytes);
        expect_noticed();
    }
    run_.saved.pop_back();
    const auto restored = run_restored(GetParam(), run_);
    ASSERT_FALSE(restored);
    EXPECT_EQ(restored.error().message, "the sequence is not whole");
}

std::string name_of(const testing::TestParamInfo<Model>& model) {
    return model.param.name + "_" + model.param.kv_type;
}

INSTANTIATE_TEST_SUITE_P(Models, RoundTripControl, testing::ValuesIn(models()), name_of);
INSTANTIATE_TEST_SUITE_P(Models, RoundTripWindowControl,
                         testing::Values(Model{"window", kWindowModel, "f16"},
                                         Model{"window", kWindowModel, "q8_0"},
                                         Model{"demo", kDemoModel, "f16"}, Model{"demo", kDemoModel, "q8_0"}),
                         name_of);

}  // namespace
}  // namespace kvasir::test
