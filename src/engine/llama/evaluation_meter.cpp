#include "engine/llama/evaluation_meter.h"

#include <algorithm>

namespace kvasir {

namespace {

constexpr std::uint32_t kCallsPerCarry = 10000;  // far fewer than 2^31 rows, whatever a batch holds

EvaluationCounters since_reset(llama_context& context) {
    llama_synchronize(&context);  // rows are counted when their work is known to be done
    const llama_perf_context_data data = llama_perf_context(&context);
    EvaluationCounters counters;
    // Neither counter is ever shown below 1. Batches count two rows at least, so 1 means none there; a single
    // row took time.
    if (data.n_p_eval > 1) counters.prompt_tokens = static_cast<std::uint64_t>(data.n_p_eval);
    if (data.n_eval > 1 || data.t_eval_ms > 0.0)
        counters.decode_tokens = static_cast<std::uint64_t>(data.n_eval);
    return counters;
}

}  // namespace

void EvaluationMeter::restart(llama_context& context) {
    llama_synchronize(&context);
    llama_perf_context_reset(&context);
    carried_ = {};
    refused_rows_ = 0;
}

EvaluationCounters EvaluationMeter::without_refused(EvaluationCounters counters) const {
    const std::uint64_t from_prompt = std::min(refused_rows_, counters.prompt_tokens);
    counters.prompt_tokens -= from_prompt;
    counters.decode_tokens -= std::min(refused_rows_ - from_prompt, counters.decode_tokens);
    return counters;
}

EvaluationCounters EvaluationMeter::read(llama_context& context) const {
    EvaluationCounters counters = since_reset(context);
    counters.prompt_tokens += carried_.prompt_tokens;
    counters.decode_tokens += carried_.decode_tokens;
    return without_refused(counters);
}

EvaluationCounters EvaluationMeter::read() const { return without_refused(carried_); }

void EvaluationMeter::leave(llama_context& context) {
    const EvaluationCounters counters = since_reset(context);
    carried_.prompt_tokens += counters.prompt_tokens;
    carried_.decode_tokens += counters.decode_tokens;
    calls_since_carry_ = 0;
    llama_perf_context_reset(&context);
}

void EvaluationMeter::carry(llama_context& context) {
    if (++calls_since_carry_ >= kCallsPerCarry) leave(context);
}

}  // namespace kvasir
