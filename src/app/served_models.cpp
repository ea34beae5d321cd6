#include "app/served_models.h"

#include <utility>

#include <fmt/format.h>

#include "app/session.h"
#include "app/terminal.h"
#include "base/available_memory.h"

namespace kvasir {

namespace {

ModelSource source_of(const Config& config) {
    ModelSource source;
    source.open = [llama = llama_options(config)](const ModelSpec& spec, std::uint64_t available_bytes,
                                                  const std::atomic<bool>& cancelled) {
        LlamaOptions options = llama;
        options.model_path = spec.path;
        options.opening_bytes_max = available_bytes;
        options.cancelled = &cancelled;
        return open_llama_engine(options);
    };
    source.check = [llama = llama_options(config)](const ModelSpec& spec, std::uint64_t available_bytes) {
        LlamaOptions options = llama;
        options.model_path = spec.path;
        options.memory_available_bytes = available_bytes;
        return check_llama_engine(options);
    };
    source.available_bytes = available_memory_bytes;
    return source;
}

}  // namespace

Result<ModelsOptions> served_models(const Config& config, const ServeArguments& arguments,
                                    std::vector<ModelSpec> specs) {
    ModelsOptions options;
    options.source = source_of(config);
    options.memory_bytes =
        arguments.models_memory_bytes > 0 ? arguments.models_memory_bytes : available_memory_bytes();
    options.loaded_max = arguments.models_max;
    options.idle_ms = arguments.model_idle_s * 1000;
    options.stay_ms = arguments.model_stay_ms;
    std::size_t usable = 0;
    Status last;
    for (const ModelSpec& spec : specs) {
        const Status checked = options.source.check(spec, options.memory_bytes);
        if (checked) {
            ++usable;
            continue;
        }
        last = checked;
        fmt::print(stderr, "kvasir: {} cannot be served now: {}\n", for_terminal(spec.name),
                   for_terminal(checked.error().message));
    }
    if (usable == 0) return fail(std::move(last).error());
    if (!arguments.alias.empty()) specs.front().aliases.push_back(arguments.alias);
    options.specs = std::move(specs);
    return options;
}

}  // namespace kvasir
