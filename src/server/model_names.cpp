#include "server/model_names.h"

#include <algorithm>

namespace kvasir {

ApiResult<std::optional<ModelIndex>> find_model(const ServerContext& context, const std::string& asked) {
    if (context.models.size() == 1 || asked.empty()) return std::optional<ModelIndex>();
    for (std::size_t i = 0; i < context.models.size(); ++i) {
        const ModelSpec& spec = context.models[i];
        const bool is_alias =
            std::find(spec.aliases.begin(), spec.aliases.end(), asked) != spec.aliases.end();
        if (spec.name == asked || is_alias) return std::optional<ModelIndex>(static_cast<ModelIndex>(i));
    }
    return fail(model_not_found(asked));
}

std::string model_shown(const ServerContext& context, const std::string& asked) {
    return asked.empty() ? context.model_name : asked;
}

}  // namespace kvasir
