// `kvasir synth`: a model of random weights with the shape of a known one, to measure with before one
// downloads the real one.
#include <fmt/format.h>

#include "app/commands.h"
#include "app/print_json.h"
#include "app/terminal.h"
#include "engine/synth_model.h"

namespace kvasir {

Result<ExitCode> run_synth(const Config& config, const SynthArguments& arguments) {
    if (arguments.shape.empty()) {
        for (const ModelShape& shape : known_shapes())
            fmt::print("{:<14}{:>3} layers of {:>5}, {} KV heads of {}{}\n", shape.name, shape.layers,
                       shape.width, shape.kv_heads, shape.head_width,
                       shape.window_tokens > 0 ? fmt::format(", windows of {}", shape.window_tokens) : "");
        return ExitCode::kOk;
    }
    SynthOptions options;
    options.shape = arguments.shape;
    options.type = arguments.type;
    options.layers = arguments.layers;
    options.vocabulary = arguments.vocabulary;
    options.tokenizer_path = model_of(config);
    options.output_path = arguments.output.empty()
                              ? fmt::format("{}-{}.gguf", arguments.shape, arguments.type)
                              : arguments.output;
    KVASIR_TRY_ASSIGN(const SynthReport report, write_synth_model(options));
    if (config.json) {
        print_json(
            {{"path", options.output_path}, {"parameters", report.parameters}, {"bytes", report.bytes}});
    } else {
        fmt::print("{}: {:.2f} billion random parameters, {}\n", options.output_path,
                   static_cast<double>(report.parameters) / 1e9, human_bytes(report.bytes));
    }
    return ExitCode::kOk;
}

}  // namespace kvasir
