#include "app/model_options.h"

#include <CLI/CLI.hpp>

namespace kvasir {

void add_models_options(CLI::App& serve, ServeArguments& arguments) {
    serve
        .add_option(
            "--models-memory", arguments.models_memory_bytes,
            "bytes that several models may take together: weights, KV cells, compute (default: what is "
            "free at the start)")
        ->envname("KVASIR_MODELS_MEMORY")
        ->transform(CLI::AsSizeValue(true));
    serve
        .add_option("--models-max", arguments.models_max,
                    "of several models, so many are loaded at a time; 0: as many as fit")
        ->envname("KVASIR_MODELS_MAX")
        ->check(CLI::Range(0U, 64U))
        ->capture_default_str();
    serve
        .add_option("--model-idle", arguments.model_idle_s,
                    "of several models, one that is unused for so many seconds leaves; 0: never")
        ->envname("KVASIR_MODEL_IDLE")
        ->check(CLI::Range(0U, 1'000'000U))
        ->capture_default_str();
    serve
        .add_option("--model-stay", arguments.model_stay_ms,
                    "milliseconds that a model serves at least before it leaves for another one")
        ->envname("KVASIR_MODEL_STAY")
        ->check(CLI::Range(0U, 1'000'000U))
        ->capture_default_str();
}

void add_pull_options(CLI::App& pull, PullArguments& arguments) {
    pull.add_option(
            "source", arguments.source,
            "https URL of a GGUF file, or OWNER/NAME, OWNER/NAME:FILE.gguf, OWNER/NAME:Q4_K_M of a hub")
        ->required();
    pull.add_option("--name", arguments.name, "what it is called here (default: as the file)");
    pull.add_option("--sha256", arguments.sha256, "its checksum (default: as the server tells it)");
    pull.add_option("--hub", arguments.hub, "where OWNER/NAME is looked for")
        ->envname("KVASIR_HUB")
        ->capture_default_str();
    pull.add_option("--ca-file", arguments.ca_file, "certificates to trust (default: the system's)")
        ->envname("KVASIR_CA_FILE");
    pull.add_option("--stall-timeout", arguments.stall_timeout_s,
                    "seconds without a byte after which it is tried again")
        ->check(CLI::Range(1U, 3600U))
        ->capture_default_str();
    pull.add_option("--retries", arguments.retries, "how often it goes on after the connection broke")
        ->check(CLI::Range(0U, 1000U))
        ->capture_default_str();
    pull.add_flag("--force", arguments.force, "also a model that is larger than the memory");
}

}  // namespace kvasir
