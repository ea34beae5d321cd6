// Agents that leave as a file, and agents that come as one.
#include <utility>

#include "memory/agent_info.h"
#include "memory/engine_agent_memory.h"
#include "memory/export_run.h"
#include "memory/import_run.h"
#include "memory/measure_rates.h"

namespace kvasir {

Result<std::unique_ptr<AgentExport>> EngineAgentMemory::begin_export(const std::string& name) {
    KVASIR_TRY_ASSIGN(const AgentRecord record, context_.store.catalog().agent(name));
    KVASIR_TRY(check_model(record));
    // What is not stored yet could not be in it.
    const std::string warning = places_.save_idle(name);
    KVASIR_TRY_ASSIGN(const Conversation conversation, head_conversation(record));
    ExportSource source{conversation, "", clock_.unix_ms()};
    KVASIR_TRY_ASSIGN(source.when_full, context_.store.catalog().agent_option(record.id, kWhenFullOption));
    KVASIR_TRY_ASSIGN(auto run, ExportRun::begin(context_, source));
    places_.tell({MemoryEventKind::kExported, name, run->report().tokens, 0, warning});
    return run;
}

Result<KvRates> EngineAgentMemory::measure_rates() {
    for (const ResidentAgent& agent : places_.residency().agents()) KVASIR_TRY(check_idle(agent.record.name));
    KVASIR_TRY_ASSIGN(KvRates measured, measure_kv_rates(context_, clock_));
    if (!places_.rates().known()) places_.rates() = measured;
    return measured;
}

std::unique_ptr<AgentImport> EngineAgentMemory::begin_import(ImportRequest request) {
    ImportServices services{
        context_, clock_, places_.rates(), [this](const ImportReport& report) {
            places_.tell({MemoryEventKind::kImported, report.agent, report.kv_tokens, 0, report.kv_refused});
        }};
    return std::make_unique<ImportRun>(std::move(services), std::move(request));
}

}  // namespace kvasir
