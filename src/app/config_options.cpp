#include "app/config_options.h"

#include <cstdlib>
#include <string>

#include <CLI/CLI.hpp>

#include "base/limits.h"

namespace kvasir {

namespace {

std::string config_file() {
    if (const char* directory = std::getenv("XDG_CONFIG_HOME"); directory != nullptr && *directory != '\0') {
        return std::string(directory) + "/kvasir/config.toml";
    }
    const char* home = std::getenv("HOME");
    return std::string(home != nullptr ? home : ".") + "/.config/kvasir/config.toml";
}

}  // namespace

void add_config_options(CLI::App& app, Config& config) {
    app.set_config("--config", config_file(), "configuration file");
    app.allow_config_extras(CLI::config_extras_mode::error);
    app.add_option(
           "-m,--model", config.models,
           "GGUF file, or the name of a pulled model (default: the shipped demo model); for serve also "
           "several, each as NAME=FILE or NAME,ALIAS=FILE")
        ->envname("KVASIR_MODEL")
        ->allow_extra_args(false);
    app.add_option("--home", config.home, "the store (default: ~/.kvasir)")->envname("KVASIR_HOME");
    app.add_option("-c,--ctx-size", config.context_tokens,
                   "largest context of one agent, tokens (default: the model's, at most 8192)")
        ->envname("KVASIR_CTX_SIZE");
    app.add_option("--kv-cells", config.kv_cells,
                   "KV cells of all resident agents (default: ctx-size x max-agents)")
        ->envname("KVASIR_KV_CELLS");
    app.add_option("--max-agents", config.agents_resident_max, "resident agents")
        ->envname("KVASIR_MAX_AGENTS")
        ->check(CLI::Range(1U, kAgentsResidentMax - 1))
        ->capture_default_str();
    app.add_option("-t,--threads", config.threads,
                   "threads of the model (default: one per core, one for small models)")
        ->envname("KVASIR_THREADS")
        ->check(CLI::Range(0U, 1024U));
    app.add_option("--ctk,--cache-type-k", config.kv_type_k, "KV type of keys: f16, q8_0, q4_0, ...")
        ->envname("KVASIR_CACHE_TYPE_K")
        ->capture_default_str();
    app.add_option("--ctv,--cache-type-v", config.kv_type_v, "KV type of values")
        ->envname("KVASIR_CACHE_TYPE_V")
        ->capture_default_str();
    app.add_option("--restore", config.restore,
                   "bring stored KV back when that is faster than reading (as measured), or always")
        ->envname("KVASIR_RESTORE")
        ->check(CLI::IsMember({"faster", "always"}))
        ->capture_default_str();
    app.add_option("--ngl,--gpu-layers", config.gpu_layers, "layers on the GPU, where there is one")
        ->envname("KVASIR_GPU_LAYERS")
        ->capture_default_str();
    app.add_option("-n,--max-tokens", config.answer_tokens_max, "most tokens of one answer")
        ->envname("KVASIR_MAX_TOKENS")
        ->check(CLI::Range(1U, 1'000'000U))
        ->capture_default_str();
    app.add_option("--temp", config.temperature, "temperature; 0: always the likeliest token")
        ->envname("KVASIR_TEMP")
        ->check(CLI::Range(0.0F, 10.0F))
        ->capture_default_str();
    app.add_option("--seed", config.seed, "seed of the sampler")
        ->envname("KVASIR_SEED")
        ->capture_default_str();
    app.add_option("--disk-budget", config.disk_budget_bytes,
                   "bytes of KV on disk (default: 20 % of free space, at most 50 GB)")
        ->envname("KVASIR_DISK_BUDGET")
        ->transform(CLI::AsSizeValue(true));
    app.add_option("--disk-free-min", config.disk_free_bytes_min,
                   "bytes that stay free: below, no KV is written (default: 1 GB or 2 %)")
        ->envname("KVASIR_DISK_FREE_MIN")
        ->transform(CLI::AsSizeValue(true));
    app.add_flag("--json", config.json, "print JSON")->envname("KVASIR_JSON");
    app.add_flag("-q,--quiet", config.quiet, "no progress, no hints")->envname("KVASIR_QUIET");
    app.add_flag("-v,--verbose", config.verbose, "what memory did, after every answer")
        ->envname("KVASIR_VERBOSE");
}

}  // namespace kvasir
