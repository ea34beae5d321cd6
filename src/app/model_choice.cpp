#include "app/model_choice.h"

#include <optional>
#include <vector>

#include <fmt/format.h>

#include "app/session.h"
#include "app/terminal.h"
#include "base/names.h"

namespace kvasir {

namespace {

constexpr Position kContextToLook = 256;  // a model is opened to see which it is, not to talk with

std::optional<Digest256> model_id_of(const Config& config, const std::string& path) {
    LlamaOptions options = llama_options(config);
    options.model_path = path;
    options.context_tokens = kContextToLook;
    options.kv_cells = 0;
    options.sequences = 1;
    const auto engine = open_llama_engine(options);
    if (!engine) return std::nullopt;
    return (*engine)->fingerprint().model_id();
}

Result<std::optional<std::string>> path_of_model(const Config& config, const Digest256& id) {
    KVASIR_TRY_ASSIGN(const std::vector<ModelSpec> specs, models_of(config));
    for (const ModelSpec& spec : specs) {
        if (model_id_of(config, spec.path) == id) return std::optional<std::string>(spec.path);
    }
    return std::optional<std::string>();
}

}  // namespace

Result<std::string> model_path_for(const Config& config, const AgentRecord& agent) {
    if (config.models.size() <= 1) return model_of(config);  // whoever opens it says what it is not
    KVASIR_TRY_ASSIGN(const std::vector<ModelSpec> specs, models_of(config));
    for (const ModelSpec& spec : specs) {
        if (canonical_path(spec.path) == canonical_path(agent.model_path)) return spec.path;
    }
    KVASIR_TRY_ASSIGN(const auto path, path_of_model(config, agent.model_id));
    if (path) return *path;
    return fail(
        ErrorCode::kModelUnusable,
        fmt::format("the agent {} belongs to the model {}, which is none of those that are configured: "
                    "give it with -m {}; nothing of it is lost",
                    printable(agent.name), printable(agent.model_name), for_terminal(agent.model_path)));
}

Result<std::string> model_path_for(const Config& config, const ModelOfFile& file) {
    if (config.models.size() <= 1) return model_of(config);
    KVASIR_TRY_ASSIGN(const auto path, path_of_model(config, file.id));
    if (path) return *path;
    return fail(
        ErrorCode::kModelUnusable,
        fmt::format("the file belongs to the model {}, which is none of those that are configured: give "
                    "it with -m",
                    printable(file.name)));
}

}  // namespace kvasir
