// FakeEngine: batches, logits, sampling.
#include <cmath>
#include <random>
#include <utility>

#include "support/fake_answer_format.h"
#include "support/fake_engine.h"

namespace kvasir::test {

namespace {

class FakeSampler final : public Sampler {
  public:
    FakeSampler(const FakeEngine& engine, const SamplingOptions& options)
        : engine_(engine), options_(options), random_(options.seed) {}

    Token sample(std::size_t row) override {
        const std::span<const float> raw = engine_.logits(row);
        std::vector<float> logits(raw.begin(), raw.end());
        for (const auto& [token, bias] : options_.logit_bias)
            logits.at(static_cast<std::size_t>(token)) += bias;
        if (options_.temperature <= 0.0F) return greedy(logits);
        std::vector<double> weights;
        weights.reserve(logits.size());
        for (const float logit : logits) {
            weights.push_back(
                std::exp(static_cast<double>(logit) / static_cast<double>(options_.temperature)));
        }
        std::discrete_distribution<Token> distribution(weights.begin(), weights.end());
        return distribution(random_);
    }

  private:
    const FakeEngine& engine_;
    SamplingOptions options_;
    std::mt19937 random_;
};

}  // namespace

Result<std::unique_ptr<Sampler>> FakeEngine::make_sampler(const SamplingOptions& options) {
    if (options.format && dynamic_cast<const FakeAnswerFormat*>(options.format.get()) == nullptr)
        return fail(ErrorCode::kInvalidArgument, "the answer format was made by another engine");
    for (const auto& [token, bias] : options.logit_bias) {
        if (token < 0 || token >= static_cast<Token>(kFakeVocabulary))
            return fail(ErrorCode::kInvalidArgument, "logit bias of token " + std::to_string(token));
    }
    return std::make_unique<FakeSampler>(*this, options);
}

Status FakeEngine::check_batch(std::span<const BatchRow> rows) const {
    if (rows.empty() || rows.size() > options_.batch_tokens) {
        return fail(ErrorCode::kInvalidArgument, "a batch of " + std::to_string(rows.size()) + " rows");
    }
    std::map<SequenceId, Position> lengths;
    for (const BatchRow& row : rows) {
        const auto found = sequences_.find(row.sequence);
        if (found == sequences_.end()) return fail(ErrorCode::kInvalidArgument, "no such sequence");
        Position& length = lengths.try_emplace(row.sequence, length_of(found->second)).first->second;
        if (row.position != length || !is_complete(found->second) || length >= options_.context_tokens) {
            return fail(ErrorCode::kInvalidArgument,
                        "row at " + std::to_string(row.position) + ", length " + std::to_string(length));
        }
        ++length;
    }
    if (append_total_ - *append_used_ < rows.size()) {
        return fail(ErrorCode::kOutOfMemory, "no free cells: needed " + std::to_string(rows.size()) +
                                                 ", available " +
                                                 std::to_string(append_total_ - *append_used_));
    }
    return {};
}

void FakeEngine::append_rows(Sequence& sequence, Plane plane, std::vector<std::byte> row) {
    if (plane == Plane::kAppend) {
        sequence.append.push_back(
            std::make_shared<const Cell>(std::move(row), sequence.append_hash(), append_used_));
        return;
    }
    const std::uint64_t hash = FakeModel::row_hash(row);
    sequence.window.push_back({std::move(row), hash});
    while (sequence.window_begin < layout().window_range(sequence.window_end()).begin) {
        sequence.window.pop_front();
        ++sequence.window_begin;
    }
}

void FakeEngine::evaluate(const BatchRow& row) {
    Sequence& sequence = at(row.sequence);
    // The state comes from the row before, as it is held: a wrong one makes all that follow wrong.
    const bool first = sequence.append.empty() || !layout().has_rows();
    const std::uint64_t before =
        first ? fake_.first_state() : FakeModel::state_of(sequence.append.back()->bytes);
    const std::uint64_t state = FakeModel::next_state(before, row.token);
    append_rows(sequence, Plane::kAppend, fake_.row(Plane::kAppend, state));
    if (windowed()) {
        if (sequence.window.empty()) sequence.window_begin = row.position;
        append_rows(sequence, Plane::kWindow, fake_.row(Plane::kWindow, state));
    }
    if (layout().has_snapshot()) {
        const std::uint64_t next = FakeModel::next_state(fake_.snapshot_hash(sequence.snapshot), row.token);
        sequence.snapshot_end = sequence.append_end();
        sequence.snapshot = fake_.snapshot(next, sequence.snapshot_end);
    }
    logits_.emplace_back();
    if (!row.wants_logits) return;
    std::uint64_t window_hash = 0;
    for (const WindowRow& held : sequence.window) window_hash = FakeModel::chain_hash(window_hash, held.hash);
    if (layout().has_snapshot())
        window_hash = FakeModel::chain_hash(window_hash, fake_.snapshot_hash(sequence.snapshot));
    logits_.back().resize(kFakeVocabulary);
    FakeModel::fill_logits(sequence.append_hash(), window_hash, logits_.back());
}

Status FakeEngine::decode(std::span<const BatchRow> rows) {
    KVASIR_TRY(check_batch(rows));
    if (decode_errors_left_ > 0) {
        if (decodes_before_error_ == 0) {
            --decode_errors_left_;
            return fail(*decode_error_);
        }
        --decodes_before_error_;
    }
    logits_.clear();
    for (const BatchRow& row : rows) evaluate(row);
    (rows.size() == 1 ? counters_.decode_tokens : counters_.prompt_tokens) += rows.size();
    return {};
}

}  // namespace kvasir::test
