// From a path and options to an engine: inspect the file, see whether it fits, load, describe, fingerprint,
// prove.
#include <algorithm>
#include <array>
#include <exception>
#include <thread>

#include <fmt/format.h>

#include "base/available_memory.h"
#include "base/log.h"
#include "engine/llama/layout_proof.h"
#include "engine/llama/llama_engine_impl.h"
#include "engine/llama/memory_check.h"
#include "engine/llama/model_file.h"
#include "engine/llama_engine.h"

namespace kvasir {

namespace {

constexpr const char* kKvFormatNumber =
    "1";                                     // raised only when a golden test says that old KV cannot be used
constexpr std::uint32_t kCellPadding = 256;  // llama.cpp rounds pools up to it
constexpr std::uint32_t kScratchSequences = 1;
// A step of a model this small takes less time than its threads need to meet, and on a busy machine far less.
constexpr std::uint64_t kOneThreadWeightsBytesMax = 64ULL * 1024 * 1024;

Result<ggml_type> kv_type(const std::string& name) {
    for (const ggml_type type : {GGML_TYPE_F16, GGML_TYPE_Q8_0, GGML_TYPE_Q4_0, GGML_TYPE_F32, GGML_TYPE_BF16,
                                 GGML_TYPE_Q4_1, GGML_TYPE_Q5_0, GGML_TYPE_Q5_1, GGML_TYPE_IQ4_NL}) {
        if (name == ggml_type_name(type)) return type;
    }
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("KV type '{}' is unknown: use f16, q8_0, q4_0, f32, bf16, q4_1, q5_0, q5_1 or iq4_nl",
                    name));
}

bool on_progress(float share, void* data) {
    const auto& options = *static_cast<const LlamaOptions*>(data);
    if (options.on_progress) options.on_progress(share);
    return options.cancelled == nullptr || !options.cancelled->load();
}

llama_model_params model_params(const LlamaOptions& options) {
    llama_model_params params = llama_model_default_params();
    params.n_gpu_layers = options.gpu_layers;
    params.progress_callback = on_progress;
    params.progress_callback_user_data = const_cast<LlamaOptions*>(&options);  // the C API takes no const
    return params;
}

llama_context_params context_params(const LlamaOptions& options, ggml_type type_k, ggml_type type_v) {
    llama_context_params params = llama_context_default_params();
    const auto threads = static_cast<std::int32_t>(options.threads);
    params.n_ctx = options.kv_cells;
    params.n_batch = options.batch_tokens;
    params.n_ubatch = options.batch_tokens;  // equal: a batch of several ubatches would lose window rows
    params.n_seq_max = options.sequences + kScratchSequences;
    params.n_threads = threads;
    params.n_threads_batch = threads;
    params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_ENABLED;
    params.type_k = type_k;
    params.type_v = type_v;
    params.swa_full = false;
    params.kv_unified = true;
    params.no_perf = false;
    return params;
}

std::uint32_t padded(std::uint64_t cells) {
    return static_cast<std::uint32_t>((cells + kCellPadding - 1) / kCellPadding * kCellPadding);
}

// The context of one agent and the pool of all, from what was asked for and what the model was trained with.
Status settle_sizes(const LlamaOptions& asked, Position trained, LlamaOptions& options) {
    if (options.sequences < 1 || options.sequences > kAgentsResidentMax) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("--max-agents must be 1 to {}", kAgentsResidentMax));
    }
    if (asked.context_tokens == 0)
        options.context_tokens = std::min<Position>(trained, kContextTokensDefaultMax);
    options.batch_tokens = std::min<std::uint32_t>(asked.batch_tokens, padded(options.context_tokens));
    // One row of every sequence must fit into a batch: llama.cpp insists on it.
    options.batch_tokens = std::max(options.batch_tokens, options.sequences + kScratchSequences);
    if (asked.kv_cells == 0)
        options.kv_cells = padded(std::uint64_t{options.context_tokens} * options.sequences);
    options.kv_cells = padded(options.kv_cells);
    if (options.kv_cells < options.context_tokens) {
        return fail(
            ErrorCode::kInvalidArgument,
            fmt::format(
                "--kv-cells {} cannot hold one agent's context of {} tokens: raise it or lower --ctx-size",
                options.kv_cells, options.context_tokens));
    }
    return {};
}

Result<MemoryNeed> memory_need(const LlamaOptions& options, ggml_type type_k, ggml_type type_v) {
    LlamaOptions quiet = options;
    quiet.on_progress = nullptr;
    return predict_memory(options.model_path.c_str(), model_params(quiet),
                          context_params(options, type_k, type_v));
}

// Makes a pool that nobody asked for smaller, but never below one agent's context; false: that is too little.
bool shrink_pool(const LlamaOptions& asked, const MemoryNeed& need, std::uint64_t available,
                 std::uint64_t cell_bytes, LlamaOptions& options) {
    if (asked.kv_cells != 0) return false;
    const std::uint64_t cells_too_many = (need.total() - available) / cell_bytes + kCellPadding;
    if (options.kv_cells < padded(options.context_tokens) + cells_too_many) return false;
    options.kv_cells = padded(options.kv_cells - cells_too_many);
    return true;
}

// Checks that all fits: first by arithmetic, then by the loader's dry run.
Status fit_memory(const LlamaOptions& asked, std::uint64_t row_bytes_each, ggml_type type_k, ggml_type type_v,
                  LlamaOptions& options) {
    std::uint64_t available =
        options.memory_available_bytes > 0 ? options.memory_available_bytes : available_memory_bytes();
    if (options.opening_bytes_max > 0)
        available =
            available > 0 ? std::min(available, options.opening_bytes_max) : options.opening_bytes_max;
    // Layers on a GPU keep their rows there; the bookkeeping is always in host memory.
    const std::uint64_t row_bytes = options.gpu_layers == 0 ? row_bytes_each : 0;
    const std::uint64_t cell_bytes =
        least_memory(1, row_bytes).kv_pool_bytes + least_memory(1, row_bytes).bookkeeping_bytes;
    const MemoryNeed least = least_memory(options.kv_cells, row_bytes);
    if (Status fits = check_memory(least, available);
        !fits && !shrink_pool(asked, least, available, cell_bytes, options)) {
        return fits;
    }
    KVASIR_TRY_ASSIGN(const MemoryNeed need, memory_need(options, type_k, type_v));
    Status fits = check_memory(need, available);
    if (fits || !shrink_pool(asked, need, available, cell_bytes, options)) return fits;
    KVASIR_TRY_ASSIGN(const MemoryNeed smaller, memory_need(options, type_k, type_v));
    return check_memory(smaller, available);
}

enum class LoadKind { kDescriptionOnly, kWhole };

Result<LlamaModelPtr> load_model(const LlamaOptions& options, LoadKind kind) {
    llama_model_params params = model_params(options);
    if (kind == LoadKind::kDescriptionOnly) {
        params.no_alloc = true;
        params.load_mode = LLAMA_LOAD_MODE_NONE;
        params.progress_callback = nullptr;
    }
    (void)take_llama_errors();
    LlamaModelPtr model(llama_model_load_from_file(options.model_path.c_str(), params));
    if (model) return model;
    const std::string lines = take_llama_errors();
    return fail(ErrorCode::kModelUnusable,
                fmt::format("the model {} cannot be loaded: {}", options.model_path,
                            lines.empty() ? "the engine gave no reason" : lines));
}

ModelInfo describe_model(const LlamaOptions& options, const llama_model& model, const ModelFile& file,
                         const LlamaText& text) {
    const auto metadata = [&](const char* key) -> std::string {
        std::array<char, 256> value{};
        return llama_model_meta_val_str(&model, key, value.data(), value.size()) > 0 ? value.data() : "";
    };
    std::array<char, 128> description{};
    llama_model_desc(&model, description.data(), description.size());
    ModelInfo info;
    info.path = options.model_path;
    info.name = metadata("general.name");
    if (info.name.empty()) info.name = options.model_path.substr(options.model_path.find_last_of('/') + 1);
    info.architecture = file.architecture;
    info.description = description.data();
    info.weights_bytes = llama_model_size(&model);
    info.parameter_count = llama_model_n_params(&model);
    info.vocabulary_size = static_cast<std::uint32_t>(llama_vocab_n_tokens(llama_model_get_vocab(&model)));
    info.context_tokens_trained = static_cast<Position>(llama_model_n_ctx_train(&model));
    info.context_tokens = options.context_tokens;
    info.batch_tokens = options.batch_tokens;
    info.template_missing = text.template_missing();
    return info;
}

Result<Fingerprint> make_fingerprint(const Digest256& weights, const LlamaParts& parts) {
    auto fields = parts.geometry.fingerprint_fields;
    fields.emplace_back("adapters", "none");
    fields.emplace_back("flash_attention", "on");
    // LongRoPE models switch their tables by the size of the context, so it is part of what a row means for
    // them.
    std::array<char, 64> scaling{};
    const std::string key = parts.info.architecture + ".rope.scaling.type";
    const bool long_rope =
        llama_model_meta_val_str(parts.model.get(), key.c_str(), scaling.data(), scaling.size()) > 0 &&
        std::string(scaling.data()) == "longrope";
    fields.emplace_back("context", long_rope ? std::to_string(parts.info.context_tokens) : "any");
    fields.emplace_back("state_version", std::to_string(LLAMA_STATE_SEQ_VERSION));
    fields.emplace_back("kv_format", kKvFormatNumber);
    return Fingerprint::make({{"weights", weights.hex()}, {"tokenizer", parts.text->tokenizer_hash()}},
                             std::move(fields));
}

std::uint32_t window_pool_cells(const ModelGeometry& geometry, const LlamaOptions& options) {
    // As llama.cpp sizes it.
    const std::uint64_t cells =
        std::uint64_t{geometry.window_cells_each} * (options.sequences + kScratchSequences) +
        options.batch_tokens;
    return geometry.window.empty() ? 0 : std::min(padded(cells), options.kv_cells);
}

// What the state of this model is made of; if it is not what it looks like, it is taken as one piece.
Result<ModelGeometry> prove_geometry(const LlamaParts& parts, ggml_type type_k, ggml_type type_v) {
    const auto refuse = [&](const std::string& why) {
        return fail(ErrorCode::kModelUnusable, fmt::format("{} models cannot be kept by this version: {}",
                                                           parts.info.architecture, why));
    };
    const MemoryParts memory = memory_parts(llama_get_memory(parts.context.get()));
    if (memory.family == MemoryFamily::kNone) return refuse("they keep no state from token to token");
    const auto scratch = static_cast<llama_seq_id>(parts.sequences);
    if (auto described = describe_geometry(*parts.model, memory, type_k, type_v)) {
        const Status proved = prove_layout(*parts.context, *described, scratch);
        if (proved) return std::move(*described);
        if (proved.error().code == ErrorCode::kModelUnusable) return refuse(proved.error().message);
        log(LogLevel::kWarning, "state_taken_as_one_piece", proved.error().message);
    }
    ModelGeometry whole = opaque_geometry(*parts.model, type_k, type_v);
    if (const Status proved = prove_layout(*parts.context, whole, scratch); !proved)
        return refuse(proved.error().message);
    return whole;
}

// What is settled before anything is loaded.
struct OpenPlan {
    LlamaOptions options;
    ggml_type type_k = GGML_TYPE_F16;
    ggml_type type_v = GGML_TYPE_F16;
    ModelFile file;
};

Result<OpenPlan> plan_opening(const LlamaOptions& asked) {
    OpenPlan plan;
    plan.options = asked;
    LlamaOptions& options = plan.options;
    KVASIR_TRY_ASSIGN(plan.type_k, kv_type(options.kv_type_k));
    KVASIR_TRY_ASSIGN(plan.type_v, kv_type(options.kv_type_v));
    KVASIR_TRY_ASSIGN(plan.file, inspect_model_file(options.model_path));
    if (options.threads == 0) {
        const bool small = plan.file.bytes <= kOneThreadWeightsBytesMax;
        options.threads = small ? 1 : std::max(1U, std::thread::hardware_concurrency());
    }
    std::uint64_t row_bytes = 0;
    {
        KVASIR_TRY_ASSIGN(const LlamaModelPtr described, load_model(options, LoadKind::kDescriptionOnly));
        KVASIR_TRY(check_family(*described));
        KVASIR_TRY(
            settle_sizes(asked, static_cast<Position>(llama_model_n_ctx_train(described.get())), options));
        row_bytes = least_row_bytes(*described, plan.type_k, plan.type_v);
    }
    KVASIR_TRY(fit_memory(asked, row_bytes, plan.type_k, plan.type_v, options));
    return plan;
}

Result<std::unique_ptr<Engine>> open_checked(const LlamaOptions& asked) {
    KVASIR_TRY_ASSIGN(const OpenPlan plan, plan_opening(asked));
    const LlamaOptions& options = plan.options;
    const ggml_type type_k = plan.type_k;
    const ggml_type type_v = plan.type_v;
    LlamaParts parts;
    parts.sequences = options.sequences;
    KVASIR_TRY_ASSIGN(const Digest256 weights, hash_weights(plan.file, options.hash_cache_path));
    KVASIR_TRY_ASSIGN(parts.model, load_model(options, LoadKind::kWhole));
    KVASIR_TRY_ASSIGN(parts.text, LlamaText::make(*parts.model));
    parts.info = describe_model(options, *parts.model, plan.file, *parts.text);
    parts.context_params = context_params(options, type_k, type_v);
    parts.memory_available_bytes = options.memory_available_bytes;
    KVASIR_TRY_ASSIGN(parts.context, make_llama_context(*parts.model, parts.context_params));
    KVASIR_TRY_ASSIGN(parts.geometry, prove_geometry(parts, type_k, type_v));
    parts.window_cells = window_pool_cells(parts.geometry, options);
    KVASIR_TRY_ASSIGN(parts.fingerprint, make_fingerprint(weights, parts));
    return std::make_unique<LlamaEngine>(std::move(parts));
}

// What the engine throws, as an error.
template <class Outcome, class Open>
Outcome guarded(const LlamaOptions& options, Open open) {
    try {
        return open(options);
    } catch (const std::bad_alloc&) {
        return fail(ErrorCode::kOutOfMemory,
                    "memory ran out while the model was loaded: lower --ctx-size or --max-agents");
    } catch (const std::exception& error) {
        return fail(ErrorCode::kModelUnusable,
                    fmt::format("the model {} cannot be loaded: {}", options.model_path, error.what()));
    }
}

}  // namespace

Status check_llama_engine(const LlamaOptions& options) {
    return guarded<Status>(options, [](const LlamaOptions& asked) -> Status {
        KVASIR_TRY(plan_opening(asked));
        return {};
    });
}

Result<std::unique_ptr<Engine>> open_llama_engine(const LlamaOptions& options) {
    return guarded<Result<std::unique_ptr<Engine>>>(options, open_checked);
}

}  // namespace kvasir
