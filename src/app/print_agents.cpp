#include "app/print_agents.h"

#include <string>

#include <fmt/format.h>

#include "app/terminal.h"

namespace kvasir {

void print_stored_agents(std::span<const AgentInfo> agents) {
    Table table({{"NAME"},
                 {"TYPE"},
                 {"STATE"},
                 {"TURNS", Align::kRight},
                 {"TOKENS", Align::kRight},
                 {"DISK", Align::kRight},
                 {"LAST USED"}});
    for (const AgentInfo& agent : agents) {
        table.add({agent.name, for_terminal(agent.type), to_string(agent.state),
                   std::to_string(agent.turn_count), std::to_string(agent.token_count),
                   human_bytes(agent.kv_disk_bytes), human_time(agent.last_used_unix_ms)});
    }
    fmt::print("{}", table.text());
}

void print_resident_agents(std::span<const AgentInfo> agents) {
    Table table({{"NAME"},
                 {"STATE"},
                 {"TOKENS", Align::kRight},
                 {"KV IN MEMORY", Align::kRight},
                 {"KV ON DISK", Align::kRight},
                 {"LAST USED"}});
    for (const AgentInfo& agent : agents) {
        table.add({agent.name, to_string(agent.state), std::to_string(agent.token_count),
                   human_bytes(agent.kv_memory_bytes), human_bytes(agent.kv_disk_bytes),
                   human_time(agent.last_used_unix_ms)});
    }
    fmt::print("{}", table.text());
}

bool is_resident(const AgentInfo& agent) {
    switch (agent.state) {
        case AgentState::kPrefilled:
        case AgentState::kActive:
        case AgentState::kSaving:
        case AgentState::kReady:
        case AgentState::kRestoring:
            return true;
        case AgentState::kEmpty:
        case AgentState::kStored:
        case AgentState::kDamaged:
            return false;
    }
    return false;
}

void print_done(const char* what, const SaveResult& saved) {
    fmt::print("{}: {} rows written in {} new files, {} files were there; {}\n", what,
               saved.append_rows_written, saved.blocks_written, saved.blocks_shared, human_ms(saved.save_ms));
    if (!saved.warning.empty()) fmt::print(stderr, "kvasir: {}\n", saved.warning);
}

void print_done(const char* what, const LoadResult& loaded) {
    fmt::print("{}: {} tokens restored ({}) in {}, {} read again in {}\n", what, loaded.restored_tokens,
               to_string(loaded.source), human_ms(loaded.restore_ms), loaded.evaluated_tokens,
               human_ms(loaded.prefill_ms));
    if (!loaded.warning.empty()) fmt::print(stderr, "kvasir: {}\n", loaded.warning);
}

}  // namespace kvasir
