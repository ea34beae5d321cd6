#include "engine/llama/memory_check.h"

#include <exception>
#include <string>
#include <vector>

#include <fit.h>
#include <fmt/format.h>

#include "engine/llama/handles.h"

namespace kvasir {

namespace {

// Left for everything that is not the engine's: catalog, buffers, the C library.
constexpr std::uint64_t kOtherBytes = std::uint64_t{64} * 1024 * 1024;
// Per cell: position, shift, extension and a bit per sequence, and when used an entry in two ordered sets.
constexpr std::uint64_t kCellBookkeepingBytes = 160;

}  // namespace

MemoryNeed least_memory(std::uint64_t cells, std::uint64_t row_bytes) {
    MemoryNeed need;
    need.kv_pool_bytes = cells * row_bytes;
    need.bookkeeping_bytes = cells * kCellBookkeepingBytes;
    return need;
}

Result<MemoryNeed> predict_memory(const char* model_path, const llama_model_params& model_params,
                                  const llama_context_params& context_params) {
    try {
        std::vector<ggml_backend_dev_t> devices;
        std::uint32_t gpu_layers = 0;
        std::uint32_t context_trained = 0;
        std::uint32_t experts = 0;
        const auto parts =
            common_get_device_memory_data(model_path, &model_params, &context_params, devices, gpu_layers,
                                          context_trained, experts, GGML_LOG_LEVEL_ERROR);
        MemoryNeed need;
        if (parts.empty()) return need;
        // The last entry is the host; the others are devices with memory of their own.
        need.weights_bytes = parts.back().model;
        need.kv_pool_bytes = parts.back().context;
        need.compute_bytes = parts.back().compute;
        need.bookkeeping_bytes = context_params.n_ctx * kCellBookkeepingBytes;
        return need;
    } catch (const std::exception& error) {
        const std::string lines = take_llama_errors();
        return fail(ErrorCode::kModelUnusable, fmt::format("the model {} cannot be loaded: {}", model_path,
                                                           lines.empty() ? error.what() : lines.c_str()));
    }
}

std::uint64_t MemoryNeed::total() const {
    return weights_bytes + kv_pool_bytes + compute_bytes + bookkeeping_bytes + kOtherBytes;
}

Status check_memory(const MemoryNeed& need, std::uint64_t available_bytes) {
    if (available_bytes == 0 || need.total() <= available_bytes) return {};
    const auto gigabytes = [](std::uint64_t bytes) { return static_cast<double>(bytes) / 1e9; };
    return fail(
        ErrorCode::kOutOfMemory,
        fmt::format("the model does not fit in memory: it needs {:.2f} GB (weights {:.2f}, KV cells {:.2f}, "
                    "compute {:.2f}, other {:.2f}) and {:.2f} GB are available; lower --ctx-size or "
                    "--max-agents, use -ctk q8_0 -ctv q8_0, or take a smaller model",
                    gigabytes(need.total()), gigabytes(need.weights_bytes), gigabytes(need.kv_pool_bytes),
                    gigabytes(need.compute_bytes), gigabytes(need.bookkeeping_bytes + kOtherBytes),
                    gigabytes(available_bytes)));
}

}  // namespace kvasir
