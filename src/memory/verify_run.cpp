#include "memory/verify_run.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/names.h"

namespace kvasir {

namespace {

// Noise of other batch sizes and threads is some hundredths (the demo model: 0.01 to 0.04); other rows give
// something near 1.
constexpr double kLogitDeviationMax = 0.1;

std::size_t likeliest(const std::vector<float>& logits) {
    return static_cast<std::size_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

// Root of the mean square of the differences, as a share of how far the logits spread.
double deviation(const std::vector<float>& a, const std::vector<float>& b) {
    double sum = 0;
    double squares = 0;
    double differences = 0;
    const auto count = static_cast<double>(b.size());
    for (std::size_t i = 0; i < b.size(); ++i) {
        const auto value = static_cast<double>(b[i]);
        const double difference = static_cast<double>(a[i]) - value;
        sum += value;
        squares += value * value;
        differences += difference * difference;
    }
    const double variance = squares / count - (sum / count) * (sum / count);
    if (variance <= 0) return differences > 0 ? 1 : 0;
    return std::sqrt(differences / count / variance);
}

// The rows that are stored, and a token behind them: the answer's last one, whose row is never stored. Before
// the first turn there is none, so that any one will do.
std::vector<Token> tokens_to_read(const PreparedTurn& turn) {
    std::vector<Token> tokens = turn.prompt.tokens;
    tokens.push_back(turn.conversation.tokens.back());
    return tokens;
}

}  // namespace

VerifyRun::VerifyRun(TurnContext context, PreparedTurn prepared, std::uint64_t& cells_held)
    : context_(context), turn_(std::move(prepared)), cells_held_(cells_held), tokens_(tokens_to_read(turn_)) {
    cells_held_ += tokens_.size();
    report_.tokens = static_cast<Position>(turn_.conversation.tokens.size());
}

VerifyRun::~VerifyRun() {
    save_.reset();
    restore_.reset();
    close_sequence();
    cells_held_ -= tokens_.size();
}

void VerifyRun::close_sequence() {
    if (scratch_) context_.kv.engine.close_sequence(scratch_->sequence);
    scratch_.reset();
}

// An idle agent leaves where there is no sequence for it: another one first, then the agent itself.
Status VerifyRun::open_sequence() {
    auto sequence = context_.kv.engine.open_sequence();
    while (!sequence && sequence.error().code == ErrorCode::kUnavailable) {
        KVASIR_TRY(context_.places.make_way(turn_.request.agent));
        sequence = context_.kv.engine.open_sequence();
    }
    if (!sequence) return fail(std::move(sequence).error());
    scratch_.emplace();
    scratch_->record = turn_.conversation.agent;
    scratch_->sequence = *sequence;
    return {};
}

// What is not stored could not be compared.
Status VerifyRun::save_some() {
    Places& places = context_.places;
    if (save_) {
        save_->step();
        if (!save_->done()) return {};
        const SaveResult saved = save_->result();
        save_.reset();
        if (saved.durability == Durability::kTokensAndKv) return {};
        return fail(ErrorCode::kUnavailable,
                    "the KV of " + printable(turn_.request.agent) + " is not durable: " + saved.warning);
    }
    ResidentAgent* agent = places.find_idle(turn_.request.agent, turn_.conversation.branch());
    if (agent == nullptr || agent->durable() || agent->rows_of == RowsOf::kNextPrompt)
        return begin_restoring();
    save_ = places.begin_save(*agent);
    return {};
}

Status VerifyRun::begin_restoring() {
    KVASIR_TRY(open_sequence());
    const auto end = static_cast<Position>(turn_.prompt.tokens.size());
    restore_ = context_.places.begin_reuse(*scratch_, {turn_.prompt.tokens, end, turn_.boundaries}, {});
    stage_ = Stage::kRestore;
    return {};
}

Status VerifyRun::restore_some() {
    // Whatever would be faster: it is the stored state that is looked at.
    const RestorePolicy policy = context_.places.set_restore_policy(RestorePolicy::kFromDisk);
    Status step = restore_->step();
    context_.places.set_restore_policy(policy);
    if (!step || !restore_->done()) return step;
    const Reuse& reuse = restore_->reuse();
    report_.restored_tokens = reuse.position;
    report_.restore_ms = reuse.restore_ms;
    const bool other_settings = reuse.position == 0 && !turn_.fingerprint_changes.empty();
    report_.warning = restore_warning(other_settings ? "fingerprint_changed" : "", reuse,
                                      turn_.fingerprint_changes, turn_.prompt.history_end - reuse.position);
    restore_.reset();
    stage_ = Stage::kReadRest;
    return {};
}

Status VerifyRun::read_some() {
    Engine& engine = context_.kv.engine;
    const std::uint32_t batch = std::max(1U, engine.model().batch_tokens);
    const std::uint32_t chunk = context_.places.anybody_busy() ? std::min(kVerifyChunkTokens, batch) : batch;
    const Position begin = engine.length(scratch_->sequence);
    const auto end = static_cast<Position>(std::min<std::size_t>(tokens_.size(), begin + std::size_t{chunk}));
    rows_.clear();
    for (Position at = begin; at < end; ++at)
        rows_.push_back({scratch_->sequence, tokens_[at], at, at + 1 == tokens_.size()});
    KVASIR_TRY(context_.places.decode(rows_));
    return end < tokens_.size() ? Status() : end_reading(rows_.size() - 1);
}

Status VerifyRun::end_reading(std::size_t last_row) {
    const std::span<const float> told = context_.kv.engine.logits(last_row);
    std::vector<float> logits(told.begin(), told.end());
    close_sequence();
    if (stage_ == Stage::kReadRest) {
        restored_logits_ = std::move(logits);
        stage_ = Stage::kReadCold;
        read_begin_us_ = context_.clock.monotonic_us();
        return open_sequence();
    }
    report_.prefill_ms = static_cast<double>(context_.clock.monotonic_us() - read_begin_us_) / 1000.0;
    compare(logits);
    stage_ = Stage::kDone;
    return {};
}

void VerifyRun::compare(const std::vector<float>& cold) {
    report_.identical = restored_logits_ == cold;
    report_.same_token = likeliest(restored_logits_) == likeliest(cold);
    report_.deviation = deviation(restored_logits_, cold);
    report_.good = report_.same_token && report_.deviation <= kLogitDeviationMax;
}

Status VerifyRun::step() {
    switch (stage_) {
        case Stage::kSave:
            return save_some();
        case Stage::kRestore:
            return restore_some();
        case Stage::kReadRest:
        case Stage::kReadCold:
            return read_some();
        case Stage::kDone:
            break;
    }
    return {};
}

}  // namespace kvasir
