#include "app/session.h"

#include <fmt/format.h>

#include "app/terminal.h"

namespace kvasir {

Result<OpenStore> open_store(const Config& config) {
    OpenStore opened;
    opened.files = make_posix_file_system();
    StoreOptions options;
    options.root = home_of(config);
    options.disk_budget_bytes = config.disk_budget_bytes;
    options.disk_free_bytes_min = config.disk_free_bytes_min;
    KVASIR_TRY_ASSIGN(opened.store, Store::open(options, *opened.files, system_clock()));
    return opened;
}

LlamaOptions llama_options(const Config& config) {
    LlamaOptions llama;
    llama.context_tokens = config.context_tokens;
    llama.sequences = config.agents_resident_max;
    llama.kv_cells = config.kv_cells;
    llama.threads = config.threads;
    llama.kv_type_k = config.kv_type_k;
    llama.kv_type_v = config.kv_type_v;
    llama.gpu_layers = config.gpu_layers;
    llama.hash_cache_path = home_of(config) + "/weights-hashes";
    return llama;
}

RestorePolicy restore_policy_of(const Config& config) {
    return config.restore == "always" ? RestorePolicy::kAlways : RestorePolicy::kWhenFaster;
}

Result<std::unique_ptr<Session>> Session::open(const Config& config, const SessionOptions& options) {
    KVASIR_TRY_ASSIGN(OpenStore opened, open_store(config));
    return open(config, std::move(opened), options);
}

Result<std::unique_ptr<Session>> Session::open(const Config& config, OpenStore opened,
                                               const SessionOptions& options) {
    std::unique_ptr<Session> session(new Session());
    session->files_ = std::move(opened.files);
    session->store_ = std::move(opened.store);
    ProgressLine progress(config.quiet);
    LlamaOptions llama = llama_options(config);
    llama.model_path = options.model_path.empty() ? model_of(config) : options.model_path;
    llama.sequences += options.sequences_extra;
    llama.on_progress = [&](float share) { progress.show("loading the model", static_cast<double>(share)); };
    const std::int64_t begin_us = system_clock().monotonic_us();
    KVASIR_TRY_ASSIGN(session->engine_, open_llama_engine(llama));
    session->model_load_ms_ = static_cast<double>(system_clock().monotonic_us() - begin_us) / 1000;
    MemoryOptions memory;
    memory.agents_resident_max = config.agents_resident_max;
    memory.on_event = options.on_event;
    memory.restore = restore_policy_of(config);
    KVASIR_TRY_ASSIGN(session->memory_,
                      AgentMemory::open(memory, *session->engine_, *session->store_, system_clock()));
    if (config.verbose) {
        fmt::print(stderr, "kvasir: {} in {}, {} KV cells for {} resident agents\n",
                   session->engine_->model().name, human_ms(session->model_load_ms_),
                   session->engine_->cells().append_total, config.agents_resident_max);
    }
    if (session->engine_->model().template_missing && !config.quiet) {
        fmt::print(stderr, "kvasir: the model has no chat template; ChatML stands in\n");
    }
    return session;
}

}  // namespace kvasir
