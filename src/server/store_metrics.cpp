// The metrics of the store.
#include <fmt/format.h>

#include "server/metrics_text.h"

namespace kvasir {

namespace {

class StoreMetrics {
  public:
    void gauge(const char* name, const char* help, std::uint64_t value) { add(name, "gauge", help, value); }
    void counter(const char* name, const char* help, std::uint64_t value) {
        add(name, "counter", help, value);
    }
    std::string take() { return std::move(text_); }

  private:
    void add(const char* name, const char* type, const char* help, std::uint64_t value) {
        text_ +=
            fmt::format("# HELP kvasir_store_{0} {1}\n# TYPE kvasir_store_{0} {2}\nkvasir_store_{0} {3}\n",
                        name, help, type, value);
    }
    std::string text_;
};

void add_health(StoreMetrics& text, const StoreHealth& health) {
    const auto has = [&](StorePart part) -> std::uint64_t { return health.problem(part) ? 1 : 0; };
    text.gauge("degraded", "1 while the disk fails: nothing is promised.",
               health.state() == StoreState::kDegraded ? 1 : 0);
    text.gauge("full", "1 while turns are refused for lack of disk space.", has(StorePart::kTurns));
    text.gauge("kv_space_low", "1 while KV finds no room.", has(StorePart::kKvSpace));
    const StoreCounters& counters = health.counters;
    text.counter("commits_failed_total", "Writes of the catalog that the disk refused.",
                 counters.commits_failed);
    text.counter("kv_writes_failed_total", "KV files that the disk refused.", counters.kv_writes_failed);
    text.counter("kv_refused_total", "Saves that found no room.", counters.kv_refused);
    text.counter("turns_refused_total", "Turns refused for lack of disk space.", counters.turns_refused);
    text.counter("recovered_total", "Problems that ended by themselves.", counters.recovered);
    text.counter("collected_files_total", "KV files removed to make room.", counters.collected_files);
    text.counter("collected_bytes_total", "Their bytes.", counters.collected_bytes);
    text.counter("blocks_damaged_total", "KV files that failed verification.", counters.blocks_damaged);
    text.counter("rebuilds_total", "Turns that read tokens again because of damage.", counters.rebuilds);
    text.counter("files_unknown_total", "Files without a row, removed.", counters.files_unknown);
    text.counter("rows_without_file_total", "Rows whose file was gone.", counters.rows_without_file);
}

}  // namespace

std::string store_metrics_text(Store& store) {
    StoreMetrics text;
    add_health(text, store.health());
    const auto usage = store.usage();
    if (!usage) return text.take();
    text.gauge("budget_bytes", "The disk budget.", usage->budget_bytes);
    text.gauge("counted_bytes", "What counts against it: KV, quarantine, WAL.", usage->counted_bytes);
    text.gauge("reserved_bytes", "Of saves that run, beside those.", usage->reserved_bytes);
    text.gauge("kv_bytes", "KV files.", usage->kv_bytes);
    text.gauge("catalog_bytes", "Catalog and WAL.", usage->catalog_bytes);
    text.gauge("free_bytes", "Of the disk.", usage->free_bytes);
    text.gauge("reserve_bytes", "Kept for turns on a full disk; 0: given up.", usage->reserve_bytes);
    text.gauge("quarantined_files", "Files in quarantine.", usage->quarantined_files);
    return text.take();
}

}  // namespace kvasir
