// What arrives at import_rows may be anything. It is refused, the sequence is empty and clean, and another
// agent who sits in the same pool notices nothing, to the last bit.
#include <cstring>
#include <functional>

#include <gtest/gtest.h>

#include "engine/live_engine.h"

namespace kvasir::test {
namespace {

struct Import {
    std::string what;
    SavedRows rows;
};

SavedRows changed(SavedRows rows, const std::function<void(SavedRows&)>& change) {
    change(rows);
    return rows;
}

// `good` is the first append block of a healthy conversation.
std::vector<Import> hostile_append_rows(const SavedRows& good, Position context) {
    const auto set_half = [](std::uint16_t bits, std::size_t at) {
        return [=](SavedRows& rows) { std::memcpy(rows.image.data() + at, &bits, sizeof(bits)); };
    };
    const std::size_t last = good.image.size() - 2;
    return {
        {"NaN in the first number", changed(good, set_half(0x7e00, 0))},
        {"NaN in the last number", changed(good, set_half(0x7e01, last))},
        {"infinity", changed(good, set_half(0x7c00, last / 4 * 2))},
        {"one byte short", changed(good, [](SavedRows& rows) { rows.image.pop_back(); })},
        {"one byte long", changed(good, [](SavedRows& rows) { rows.image.emplace_back(); })},
        {"no bytes", changed(good, [](SavedRows& rows) { rows.image.clear(); })},
        {"more rows claimed", changed(good, [](SavedRows& rows) { rows.range.end += 1; })},
        {"not at the begin", changed(good,
                                     [](SavedRows& rows) {
                                         rows.range = {1, rows.range.end + 1};
                                     })},
        {"beyond the context", changed(good, [&](SavedRows& rows) { rows.range.end = context + 1; })},
        {"nearly all positions", changed(good, [](SavedRows& rows) { rows.range.end = 0xffffffffU; })},
        {"an empty range", changed(good, [](SavedRows& rows) { rows.range.end = rows.range.begin; })},
        {"a reversed range", changed(good,
                                     [](SavedRows& rows) {
                                         rows.range = {rows.range.end, 0};
                                     })},
        {"the window plane before its append rows",
         changed(good, [](SavedRows& rows) { rows.plane = Plane::kWindow; })},
    };
}

class HostileRows : public testing::TestWithParam<std::string> {
  protected:
    void SetUp() override {
        engine_ = open_or_throw(exact_options(GetParam()));
        const SequenceId writer = open_sequence(*engine_);
        ASSERT_TRUE(feed(*engine_, writer, random_tokens(*engine_, 1, 120)));
        saved_ = save(*engine_, writer);
        engine_->close_sequence(writer);
        resident_ = open_sequence(*engine_);
        ASSERT_TRUE(feed(*engine_, resident_, random_tokens(*engine_, 2, 90)));
        // What the resident says when nobody does anything bad.
        const auto calm = open_or_throw(exact_options(GetParam()));
        const SequenceId alone = open_sequence(*calm);
        ASSERT_TRUE(feed(*calm, alone, random_tokens(*calm, 2, 90)));
        expected_ = continue_greedily(*calm, alone, 5, 40);
    }
    // The resident speaks one more token.
    void expect_resident_undisturbed() {
        const auto logits = continue_greedily(*engine_, resident_, next_, 1);
        ASSERT_EQ(logits.front(), expected_[said_++]) << "the resident noticed it";
        next_ = greedy(logits.front());
    }

    std::unique_ptr<Engine> engine_;
    std::vector<SavedRows> saved_;
    SequenceId resident_{};
    std::vector<Logits> expected_;
    Token next_ = 5;
    std::size_t said_ = 0;
};

TEST_P(HostileRows, AreRefusedAndLeaveNothingBehind) {
    const CellUsage before = engine_->cells();
    std::uint32_t said = 0;
    for (const Import& import : hostile_append_rows(saved_.front(), engine_->model().context_tokens)) {
        SCOPED_TRACE(import.what);
        const SequenceId victim = open_sequence(*engine_);
        const Status imported =
            engine_->import_rows(victim, import.rows.plane, import.rows.range, import.rows.image);
        ASSERT_FALSE(imported);
        EXPECT_EQ(engine_->length(victim), 0U);
        EXPECT_EQ(engine_->append_cells(victim), 0U);
        EXPECT_EQ(engine_->cells().append_used, before.append_used + said);
        expect_resident_undisturbed();
        ++said;
        // The same sequence takes good rows at once.
        ASSERT_TRUE(restore(*engine_, victim, saved_));
        EXPECT_EQ(engine_->length(victim), 120U);
        engine_->close_sequence(victim);
    }
}

// Rows whose source fails, or finds them damaged, after it gave some of them.
class FailingRows : public RowSource {
  public:
    explicit FailingRows(std::uint64_t bytes, ErrorCode code) : bytes_(bytes), code_(code) {}
    std::uint64_t bytes() const override { return bytes_; }
    Result<std::span<const std::byte>> part(std::uint64_t, std::span<std::byte>) override {
        return fail(code_, "the source says no");
    }

  private:
    std::uint64_t bytes_;
    ErrorCode code_;
};

TEST_P(HostileRows, WhatTheirSourceSaysIsHandedOnAndNothingStays) {
    const SavedRows& good = saved_.front();
    const CellUsage before = engine_->cells();
    std::uint32_t said = 0;
    for (const ErrorCode code : {ErrorCode::kDamaged, ErrorCode::kIo}) {
        const SequenceId victim = open_sequence(*engine_);
        FailingRows rows(good.image.size(), code);
        const Status imported = engine_->import_rows_in_parts(victim, good.plane, good.range, rows);
        ASSERT_FALSE(imported);
        EXPECT_EQ(imported.error().code, code);
        EXPECT_EQ(imported.error().message, "the source says no");
        EXPECT_EQ(engine_->length(victim), 0U);
        EXPECT_EQ(engine_->cells().append_used, before.append_used + said);
        expect_resident_undisturbed();
        ++said;
        ASSERT_TRUE(restore(*engine_, victim, saved_));
        engine_->close_sequence(victim);
    }
}

TEST_P(HostileRows, AfterGoodOnesTheWholeSequenceIsEmptied) {
    const SequenceId victim = open_sequence(*engine_);
    ASSERT_TRUE(restore(*engine_, victim, saved_));
    std::vector<std::byte> nan = saved_.front().image;
    nan.resize(engine_->kv_layout().row_bytes(Plane::kAppend), std::byte{0});
    nan[1] = std::byte{0x7e};
    const Status imported = engine_->import_rows(victim, Plane::kAppend, {120, 121}, nan);
    ASSERT_FALSE(imported);
    EXPECT_EQ(imported.error().code, ErrorCode::kDamaged);
    EXPECT_EQ(engine_->length(victim), 0U);
    expect_resident_undisturbed();
}

TEST_P(HostileRows, WindowRowsAreCheckedAsWell) {
    const KvLayout& layout = engine_->kv_layout();
    const SequenceId victim = open_sequence(*engine_);
    if (layout.window_tokens == 0) {
        EXPECT_FALSE(engine_->import_rows(victim, Plane::kWindow, {0, 1}, {}));
        return;
    }
    const SavedRows& window = saved_.back();
    const std::vector<std::function<void(SavedRows&)>> changes = {
        [](SavedRows& rows) { rows.image[1] = std::byte{0x7e}; },
        [](SavedRows& rows) { rows.image.pop_back(); },
        [](SavedRows& rows) {
            rows.range = {rows.range.begin - 1, rows.range.end - 1};
        },
        [](SavedRows& rows) {
            rows.range = {rows.range.begin + 1, rows.range.end + 1};
        },
        [&](SavedRows& rows) {  // the newest row is missing
            rows.range.end -= 1;
            rows.image.resize(layout.row_bytes(Plane::kWindow) * rows.range.size());
        }};
    for (const auto& change : changes) {
        const SavedRows broken = changed(window, change);
        ASSERT_TRUE(engine_->import_rows(victim, Plane::kAppend, saved_.front().range, saved_.front().image));
        (void)engine_->import_rows(victim, Plane::kWindow, broken.range, broken.image);
        EXPECT_EQ(engine_->length(victim), 0U);
        const BatchRow row{victim, 5, 120, true};
        EXPECT_FALSE(engine_->decode(std::span(&row, 1)));
        expect_resident_undisturbed();
        EXPECT_TRUE(engine_->rewind(victim, 0)) << "what is incomplete can be given up";
        engine_->close_sequence(victim);
        ASSERT_EQ(open_sequence(*engine_), victim);
    }
}

INSTANTIATE_TEST_SUITE_P(Models, HostileRows, testing::Values(kPlainModel, kWindowModel),
                         [](const auto& param) {
                             return std::string(param.param == kPlainModel ? "plain" : "window");
                         });

}  // namespace
}  // namespace kvasir::test
