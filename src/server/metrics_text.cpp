#include "server/metrics_text.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/process_memory.h"

namespace kvasir {

namespace {

struct Sample {
    std::string label;  // the model's name
    double value = 0;
};

std::string escaped(const std::string& text) {
    std::string out;
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c == '\n' ? ' ' : c;
    }
    return out;
}

class MetricsText {
  public:
    explicit MetricsText(const std::string& model) : model_(model) {}
    // Of the server, told under the first model's name.
    void counter(const char* name, const char* help, double value) { counter(name, help, {{model_, value}}); }
    void gauge(const char* name, const char* help, double value) { gauge(name, help, {{model_, value}}); }
    // Of each model.
    void counter(const char* name, const char* help, const std::vector<Sample>& samples) {
        add(name, "counter", help, samples);
    }
    void gauge(const char* name, const char* help, const std::vector<Sample>& samples) {
        add(name, "gauge", help, samples);
    }
    std::string take() { return std::move(text_); }

  private:
    void add(const char* name, const char* type, const char* help, const std::vector<Sample>& samples) {
        if (samples.empty()) return;
        text_ += fmt::format("# HELP kvasir_{0} {1}\n# TYPE kvasir_{0} {2}\n", name, help, type);
        for (const Sample& sample : samples)
            text_ += fmt::format("kvasir_{}{{model=\"{}\"}} {}\n", name, escaped(sample.label), sample.value);
    }
    std::string model_;
    std::string text_;
};

double as_double(std::uint64_t value) { return static_cast<double>(value); }

// One value of each of them.
template <class List, class Value>
std::vector<Sample> samples_of(const List& list, Value value) {
    std::vector<Sample> samples;
    for (const auto& [name, one] : list) samples.push_back({name, static_cast<double>(value(one))});
    return samples;
}

using NamedModels = std::vector<std::pair<std::string, ModelStatus>>;
using NamedUses = std::vector<std::pair<std::string, ModelMemoryUse>>;

void add_turns(MetricsText& text, const NamedModels& models) {
    const auto gauge = [&](const char* name, const char* help, auto value) {
        text.gauge(name, help,
                   samples_of(models, [&](const ModelStatus& model) { return value(model.stats); }));
    };
    const auto counter = [&](const char* name, const char* help, auto value) {
        text.counter(name, help,
                     samples_of(models, [&](const ModelStatus& model) { return value(model.stats); }));
    };
    using Stats = const SchedulerStats&;
    gauge("turns_waiting", "Turns that wait for a place.", [](Stats s) { return s.turns_waiting; });
    gauge("turns_active", "Turns that run.", [](Stats s) { return s.turns_active; });
    counter("turns_total", "Turns that were answered and are durable.", [](Stats s) { return s.turns_done; });
    counter("turns_failed_total", "Turns that ended without an answer.",
            [](Stats s) { return s.turns_failed; });
    counter("turns_undurable_total", "Turns that were answered and could not be made durable.",
            [](Stats s) { return s.turns_undurable; });
    counter("steps_total", "Steps of the model.", [](Stats s) { return s.steps; });
    counter("prompt_tokens_total", "Tokens of all prompts.", [](Stats s) { return s.prompt_tokens; });
    counter("reused_tokens_total", "Prompt tokens that were not read again.",
            [](Stats s) { return s.reused_tokens; });
    counter("evaluated_rows_total", "Rows that the model evaluated.",
            [](Stats s) { return s.evaluated_tokens; });
    counter("answer_tokens_total", "Tokens of all answers.", [](Stats s) { return s.answer_tokens; });
    gauge("turn_ms_mean", "Duration of a turn from its beginning to its answer; the last ones count most.",
          [](Stats s) { return s.turn_ms_mean; });
    gauge("read_aheads_waiting", "Agents whose next prompt is to be read where nobody waits.",
          [](Stats s) { return s.read_aheads_waiting; });
    counter("read_aheads_total", "Times that this was done.", [](Stats s) { return s.read_aheads_done; });
    counter("read_ahead_tokens_total", "Tokens that were read so.",
            [](Stats s) { return s.read_ahead_tokens; });
    gauge("step_ms_last", "Duration of the last step.", [](Stats s) { return s.step_ms_last; });
}

void add_models(MetricsText& text, const NamedModels& models) {
    using Status = const ModelStatus&;
    text.gauge("model_loaded", "1 while the model is loaded.",
               samples_of(models, [](Status m) { return m.state == ModelState::kLoaded ? 1 : 0; }));
    text.counter("model_loads_total", "Times that it was loaded.",
                 samples_of(models, [](Status m) { return m.loads; }));
    text.counter("model_unloads_total", "Times that it left.",
                 samples_of(models, [](Status m) { return m.unloads; }));
    text.counter("model_load_failures_total", "Times that it could not be loaded.",
                 samples_of(models, [](Status m) { return m.load_failures; }));
}

void add_memory(MetricsText& text, const NamedUses& uses) {
    using Use = const ModelMemoryUse&;
    const auto gauge = [&](const char* name, const char* help, auto value) {
        text.gauge(name, help, samples_of(uses, value));
    };
    gauge("weights_bytes", "Weights of the model.", [](Use use) { return use.engine.weights_bytes; });
    gauge("kv_pool_bytes", "All KV cells, used or not.", [](Use use) { return use.engine.kv_pool_bytes; });
    gauge("compute_bytes", "Compute buffers.", [](Use use) { return use.engine.compute_bytes; });
    gauge("kv_cells", "KV cells of the append pool.", [](Use use) { return use.cells.append_total; });
    gauge("kv_cells_used", "Of them, used.", [](Use use) { return use.cells.append_used; });
    gauge(
        "context_fill_max", "Of resident conversations, the largest share of its context that one takes.",
        [](Use use) { return as_double(use.longest_tokens) / std::max(1.0, as_double(use.context_tokens)); });
    gauge("agents_resident", "Conversations with KV in memory.", [](Use use) { return use.agents; });
    text.counter("engine_evaluated_rows_total", "Rows evaluated, as the engine library counts them.",
                 samples_of(uses, [](Use use) { return use.rows_counted; }));
}

}  // namespace

std::string metrics_text(const ServerContext& context, const MemoryUsage& usage) {
    MetricsText text(context.model_name);
    NamedModels models;
    for (const ModelStatus& model : context.scheduler.models()) models.emplace_back(model.spec.name, model);
    NamedUses uses;
    for (const ModelMemoryUse& use : usage.models) uses.emplace_back(use.name, use);
    if (models.size() == 1) {  // as it is shown
        models.front().first = context.model_name;
        for (auto& [name, use] : uses) name = context.model_name;
    }
    add_turns(text, models);
    text.counter("turns_refused_total",
                 "Turns refused because too many waited, or their model was not there.",
                 as_double(context.scheduler.stats().turns_refused));
    add_models(text, models);
    add_memory(text, uses);
    text.gauge("process_resident_bytes", "What the process takes, as the kernel counts it.",
               as_double(usage.total_bytes));
    text.gauge("process_heap_bytes", "Of the heap, allocated and not freed; 0: the system does not tell.",
               as_double(heap_bytes_in_use()));
    text.gauge("memory_available_bytes", "What the system has left; 0: nobody looks.",
               as_double(context.memory_watch.available_bytes()));
    text.gauge("memory_low", "1 while that is less than it should be.",
               context.memory_watch.is_low() ? 1 : 0);
    text.counter("memory_rests_total", "Times that the engine gave its memory back.",
                 as_double(context.memory_watch.rests()));
    text.gauge("event_listeners", "Clients of GET /events.", as_double(context.events.listeners()));
    text.counter("events_total", "Events told.", as_double(context.events.told()));
    text.counter("events_left_out_total", "Events that came too fast to be passed on.",
                 as_double(context.events.left_out()));
    return text.take();
}

}  // namespace kvasir
