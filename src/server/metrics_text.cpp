#include "server/metrics_text.h"

#include <algorithm>

#include <fmt/format.h>

namespace kvasir {

namespace {

class MetricsText {
  public:
    explicit MetricsText(const std::string& model) {
        for (const char c : model) {
            if (c == '"' || c == '\\') model_ += '\\';
            model_ += c == '\n' ? ' ' : c;
        }
    }
    void counter(const char* name, const char* help, double value) { add(name, "counter", help, value); }
    void gauge(const char* name, const char* help, double value) { add(name, "gauge", help, value); }
    std::string take() { return std::move(text_); }

  private:
    void add(const char* name, const char* type, const char* help, double value) {
        text_ +=
            fmt::format("# HELP kvasir_{0} {1}\n# TYPE kvasir_{0} {2}\nkvasir_{0}{{model=\"{3}\"}} {4}\n",
                        name, help, type, model_, value);
    }
    std::string model_;
    std::string text_;
};

double as_double(std::uint64_t value) { return static_cast<double>(value); }

void add_turns(MetricsText& text, const SchedulerStats& stats) {
    text.gauge("turns_waiting", "Turns that wait for a place.", stats.turns_waiting);
    text.gauge("turns_active", "Turns that run.", stats.turns_active);
    text.counter("turns_total", "Turns that were answered and are durable.", as_double(stats.turns_done));
    text.counter("turns_failed_total", "Turns that ended without an answer.", as_double(stats.turns_failed));
    text.counter("turns_undurable_total", "Turns that were answered and could not be made durable.",
                 as_double(stats.turns_undurable));
    text.counter("turns_refused_total", "Turns refused because too many waited.",
                 as_double(stats.turns_refused));
    text.counter("steps_total", "Steps of the model.", as_double(stats.steps));
    text.counter("prompt_tokens_total", "Tokens of all prompts.", as_double(stats.prompt_tokens));
    text.counter("reused_tokens_total", "Prompt tokens that were not read again.",
                 as_double(stats.reused_tokens));
    text.counter("evaluated_rows_total", "Rows that the model evaluated.", as_double(stats.evaluated_tokens));
    text.counter("answer_tokens_total", "Tokens of all answers.", as_double(stats.answer_tokens));
    text.gauge("step_ms_last", "Duration of the last step.", stats.step_ms_last);
}

double fullest(const MemoryUsage& usage) {
    Position most = 0;
    for (const AgentMemoryUse& agent : usage.agents) most = std::max(most, agent.cache_tokens);
    return most;
}

void add_memory(MetricsText& text, const MemoryUsage& usage, Position context_tokens) {
    text.gauge("weights_bytes", "Weights of the model.", as_double(usage.engine.weights_bytes));
    text.gauge("kv_pool_bytes", "All KV cells, used or not.", as_double(usage.engine.kv_pool_bytes));
    text.gauge("compute_bytes", "Compute buffers.", as_double(usage.engine.compute_bytes));
    text.gauge("process_resident_bytes", "What the process takes, as the kernel counts it.",
               as_double(usage.total_bytes));
    text.gauge("kv_cells", "KV cells of the append pool.", usage.cells.append_total);
    text.gauge("kv_cells_used", "Of them, used.", usage.cells.append_used);
    text.gauge("context_fill_max",
               "Of resident conversations, the largest share of its context that one takes.",
               fullest(usage) / std::max(1.0, as_double(context_tokens)));
    text.gauge("agents_resident", "Conversations with KV in memory.", as_double(usage.agents.size()));
}

}  // namespace

std::string metrics_text(const ServerContext& context, const MemoryUsage& usage) {
    MetricsText text(context.model_name);
    add_turns(text, context.scheduler.stats());
    add_memory(text, usage, context.engine.model().context_tokens);
    text.counter("engine_evaluated_rows_total", "Rows evaluated, as the engine library counts them.",
                 as_double(context.engine.counters().total()));
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
