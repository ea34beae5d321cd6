#include "oracle/stack.h"

#include <atomic>
#include <filesystem>
#include <utility>

#include <gtest/gtest.h>
#include <unistd.h>

namespace kvasir::test {

ScratchDirectory::ScratchDirectory() {
    static std::atomic<int> next{0};
    path_ = testing::TempDir() + "kvasir-oracle-" + std::to_string(::getpid()) + "-" +
            std::to_string(next.fetch_add(1));
}

ScratchDirectory::~ScratchDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

LlamaOptions engine_options(const StackOptions& options) {
    LlamaOptions engine;
    engine.model_path = options.model_path;
    engine.context_tokens = options.context_tokens;
    engine.sequences = options.sequences > 0 ? options.sequences : options.agents_resident_max;
    engine.batch_tokens = options.batch_tokens;
    engine.kv_cells = options.kv_cells;
    engine.threads = 1;  // the exact setting
    engine.kv_type_k = options.kv_type;
    engine.kv_type_v = options.kv_type_v.empty() ? options.kv_type : options.kv_type_v;
    return engine;
}

Result<std::unique_ptr<Stack>> Stack::open(const StackOptions& options, const std::string& home) {
    std::unique_ptr<Stack> stack(new Stack());
    KVASIR_TRY_ASSIGN(stack->engine_, open_llama_engine(engine_options(options)));
    if (options.decorate) stack->engine_ = options.decorate(std::move(stack->engine_));
    stack->files_ = make_posix_file_system();
    StoreOptions store;
    store.root = home;
    store.disk_free_bytes_min = 1;
    store.disk_reserve_bytes = 4096;
    KVASIR_TRY_ASSIGN(stack->store_, Store::open(store, *stack->files_, system_clock()));
    MemoryOptions memory;
    memory.agents_resident_max = options.agents_resident_max;
    KVASIR_TRY_ASSIGN(stack->memory_,
                      AgentMemory::open(memory, *stack->engine_, *stack->store_, system_clock()));
    return stack;
}

}  // namespace kvasir::test
