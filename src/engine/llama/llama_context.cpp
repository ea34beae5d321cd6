// The context's life: made, given back while nobody needs it, made again. Weights stay: they are mapped from
// the file, and the system takes their pages back by itself.
#include <algorithm>
#include <cstdint>
#include <exception>

#include <fmt/format.h>

#include "base/available_memory.h"
#include "engine/llama/llama_engine_impl.h"

namespace kvasir {

namespace {

// How long threads look for the next graph before they sleep: some milliseconds, the longest pause between
// two steps of one stream. Then they leave the cores to those that save and answer.
constexpr std::uint32_t kPollRounds = 1;

// Kept threads: starting them for every token costs most where steps are short.
void attach_threads(LlamaContextPtr& context, std::int32_t count) {
    if (count < 2) return;
    ggml_threadpool_params params = ggml_threadpool_params_default(count);
    params.poll = kPollRounds;
    ggml_threadpool* threads = ggml_threadpool_new(&params);
    if (threads == nullptr) return;  // it goes without
    context.get_deleter().threads = threads;
    llama_attach_threadpool(context.get(), threads, nullptr);
}

}  // namespace

Result<LlamaContextPtr> make_llama_context(llama_model& model, const llama_context_params& params) {
    (void)take_llama_errors();
    LlamaContextPtr context(llama_init_from_model(&model, params));
    if (context) {
        attach_threads(context, params.n_threads);
        return context;
    }
    const std::string lines = take_llama_errors();
    return fail(ErrorCode::kModelUnusable, fmt::format("the engine refuses these options: {}",
                                                       lines.empty() ? "it gave no reason" : lines));
}

Result<std::uint64_t> LlamaEngine::rest() {
    if (!parts_.context) return 0;
    if (std::any_of(sequences_.begin(), sequences_.end(),
                    [](const Sequence& sequence) { return sequence.open; }))
        return fail(ErrorCode::kConflict, "a sequence is open: the engine cannot rest");
    given_back_ = memory();
    meter_.leave(*parts_.context);
    has_logits_.clear();
    transfer_.reset();
    parts_.context.reset();
    return given_back_.kv_pool_bytes + given_back_.compute_bytes;
}

Status LlamaEngine::wake() {
    if (parts_.context) return {};
    const std::uint64_t needed = given_back_.kv_pool_bytes + given_back_.compute_bytes;
    const std::uint64_t available =
        parts_.memory_available_bytes > 0 ? parts_.memory_available_bytes : available_memory_bytes();
    if (available > 0 && needed > available) {
        return fail(
            ErrorCode::kOutOfMemory,
            fmt::format(
                "the KV cells were given back while memory was low and need {:.1f} MB again, {:.1f} MB "
                "are free: try again later, or free some memory",
                static_cast<double>(needed) / 1e6, static_cast<double>(available) / 1e6));
    }
    try {
        KVASIR_TRY_ASSIGN(parts_.context, make_llama_context(*parts_.model, parts_.context_params));
        transfer_ = std::make_unique<KvTransfer>(*parts_.context, parts_.geometry,
                                                 static_cast<llama_seq_id>(parts_.sequences),
                                                 std::max(parts_.info.context_tokens, 1U));
    } catch (const std::exception& error) {
        parts_.context.reset();
        return fail(ErrorCode::kOutOfMemory,
                    fmt::format("the KV cells could not be taken again ({}): try again later", error.what()));
    }
    return {};
}

}  // namespace kvasir
