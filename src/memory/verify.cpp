// An agent's stored state against a cold reading of its tokens, on this machine, now.
#include <algorithm>
#include <cmath>
#include <utility>

#include "base/names.h"
#include "memory/engine_agent_memory.h"

namespace kvasir {

namespace {

// Noise of other batch sizes and threads is below a hundredth; other rows give something near 1.
constexpr double kLogitDeviationMax = 0.1;

// A sequence that is closed with the object.
class ScratchSequence {
  public:
    ScratchSequence(Engine& engine, SequenceId id) : engine_(engine), id_(id) {}
    ~ScratchSequence() { engine_.close_sequence(id_); }
    ScratchSequence(const ScratchSequence&) = delete;
    ScratchSequence& operator=(const ScratchSequence&) = delete;
    SequenceId id() const { return id_; }

  private:
    Engine& engine_;
    SequenceId id_;
};

// Evaluates tokens from `begin` on; the logits of the last one.
Result<std::vector<float>> read_logits(Engine& engine, SequenceId sequence, std::span<const Token> tokens,
                                       Position begin) {
    std::vector<BatchRow> rows;
    for (auto position = begin; position < tokens.size();) {
        rows.clear();
        const Position end = std::min<Position>(static_cast<Position>(tokens.size()),
                                                position + std::max(1U, engine.model().batch_tokens));
        for (; position < end; ++position)
            rows.push_back({sequence, tokens[position], position, position + 1 == tokens.size()});
        KVASIR_TRY(engine.decode(rows));
    }
    const std::span<const float> logits = engine.logits(rows.size() - 1);
    return std::vector<float>(logits.begin(), logits.end());
}

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

}  // namespace

Result<SequenceId> EngineAgentMemory::scratch_sequence(const std::string& kept) {
    auto sequence = context_.engine.open_sequence();
    while (!sequence && sequence.error().code == ErrorCode::kUnavailable) {
        KVASIR_TRY(places_.make_way(kept));
        sequence = context_.engine.open_sequence();
    }
    return sequence;
}

Result<VerifyReport> EngineAgentMemory::verify(const std::string& name) {
    KVASIR_TRY_ASSIGN(const AgentRecord record, context_.store.catalog().agent(name));
    KVASIR_TRY(check_model(record));
    for (const ResidentAgent& agent : places_.residency().agents()) KVASIR_TRY(check_idle(agent.record.name));
    KVASIR_TRY_ASSIGN(const Conversation conversation, head_conversation(record));
    if (conversation.tokens.empty())
        return fail(ErrorCode::kInvalidArgument,
                    printable(name) + " has no tokens yet: there is nothing to verify");
    // From disk, whatever is resident.
    for (ResidentAgent* agent : places_.find_all(name)) {
        const SaveResult saved = places_.evict(*agent);
        if (saved.durability != Durability::kTokensAndKv)
            return fail(ErrorCode::kUnavailable,
                        "the KV of " + printable(name) + " is not durable: " + saved.warning);
    }
    VerifyReport report;
    report.tokens = static_cast<Position>(conversation.tokens.size());
    // Whatever would be faster: it is the stored state that is looked at.
    const RestorePolicy policy = places_.set_restore_policy(RestorePolicy::kAlways);
    const auto load_result = load(name);
    places_.set_restore_policy(policy);
    if (!load_result) return fail(load_result.error());
    const LoadResult& loaded = *load_result;
    report.restored_tokens = loaded.restored_tokens;
    report.restore_ms = loaded.restore_ms;
    report.warning = loaded.warning;
    ResidentAgent* agent = places_.find(name);
    if (agent == nullptr) return fail(ErrorCode::kUnavailable, "the agent did not stay resident: try again");
    Engine& engine = context_.engine;
    const Position rows = std::min(agent->length(), report.tokens - 1);
    KVASIR_TRY_ASSIGN(const SequenceId copy, scratch_sequence(name));
    const ScratchSequence restored(engine, copy);
    KVASIR_TRY(engine.fork(agent->sequence, restored.id(), rows));
    KVASIR_TRY_ASSIGN(const std::vector<float> warm,
                      read_logits(engine, restored.id(), conversation.tokens, rows));
    KVASIR_TRY_ASSIGN(const SequenceId empty, scratch_sequence(name));
    const ScratchSequence cold(engine, empty);
    const std::int64_t begin_us = clock_.monotonic_us();
    KVASIR_TRY_ASSIGN(const std::vector<float> fresh, read_logits(engine, cold.id(), conversation.tokens, 0));
    report.prefill_ms = static_cast<double>(clock_.monotonic_us() - begin_us) / 1000.0;
    report.identical = warm == fresh;
    report.same_token = likeliest(warm) == likeliest(fresh);
    report.deviation = deviation(warm, fresh);
    report.good = report.same_token && report.deviation <= kLogitDeviationMax;
    return report;
}

}  // namespace kvasir
