// Everything a user can set, from flags, environment (KVASIR_<FLAG>) and $XDG_CONFIG_HOME/kvasir/config.toml,
// in that order of precedence. Filled once by the parser in cli.cpp; read-only afterwards.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/limits.h"
#include "base/result.h"
#include "sched/models.h"

namespace kvasir {

struct Config {
    std::vector<std::string> models;  // FILE, NAME of one that was pulled, or NAME[,ALIAS...]=either; empty:
                                      // the shipped demo model
    std::string home;                 // empty: $KVASIR_HOME, else ~/.kvasir
    std::uint32_t context_tokens = 0;
    std::uint32_t kv_cells = 0;
    std::uint32_t agents_resident_max = kAgentsResidentDefault;
    std::uint32_t threads = 0;
    std::string kv_type_k = "f16";
    std::string kv_type_v = "f16";
    std::string restore = "faster";
    std::int32_t gpu_layers = 0;
    std::uint32_t answer_tokens_max = kAnswerTokensDefault;
    float temperature = 0.0F;
    std::uint32_t seed = 0;
    std::uint64_t disk_budget_bytes = 0;
    std::uint64_t disk_free_bytes_min = 0;
    bool json = false;
    bool quiet = false;
    bool verbose = false;
};

// The store's directory after defaults.
std::string home_of(const Config& config);

// The first model after defaults: the configured one, else the shipped demo model beside the program or in
// the source tree.
std::string model_of(const Config& config);

// All of them, each with a name of its own. kInvalidArgument: two have the same, or one is none.
Result<std::vector<ModelSpec>> models_of(const Config& config);

bool is_model_name(const std::string& name);

// Where pulled models lie, as NAME.gguf.
std::string models_folder(const Config& config);

// As seen from this process's directory.
std::string absolute_path(const std::string& path);
// The same for all ways to one file, as far as it is there.
std::string canonical_path(const std::string& path);

// This program's own file.
std::string executable_path();

}  // namespace kvasir
