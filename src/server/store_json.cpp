#include "server/store_json.h"

#include <boost/json.hpp>

#include "server/memory_json.h"

namespace kvasir {

namespace json = boost::json;

json::value to_json(const CheckReport& report) {
    json::array findings;
    for (const CheckFinding& finding : report.findings)
        findings.push_back({{"file", finding.file}, {"what", finding.what}});
    return {{"good", report.good()},
            {"catalog", report.catalog.empty() ? "whole" : report.catalog},
            {"files_checked", report.files_checked},
            {"bytes_checked", report.bytes_checked},
            {"damaged", report.damaged},
            {"missing", report.missing},
            {"unknown", report.unknown},
            {"unknown_bytes", report.unknown_bytes},
            {"quarantined", report.quarantined},
            {"repaired", report.repaired},
            {"findings", std::move(findings)}};
}

json::value to_json(const CollectionResult& result) {
    return {{"bytes_freed", result.bytes_freed},
            {"files_removed", result.files_removed},
            {"quarantined_removed", result.quarantined_removed},
            {"agents", result.agents}};
}

json::value to_json(const BackupReport& report) {
    return {{"directory", report.directory},
            {"agents", report.agents},
            {"files", report.files},
            {"bytes", report.bytes},
            {"files_left_out", report.files_left_out}};
}

json::value store_json(const DiskUsage& usage, const StoreHealth& health) {
    const StoreProblem* worst = health.worst();
    const StoreCounters& counters = health.counters;
    return {{"state", to_string(health.state())},
            {"reason", worst != nullptr ? worst->reason : ""},
            {"since_unix_ms", worst != nullptr ? worst->since_unix_ms : 0},
            {"disk", to_json(usage)},
            {"commits_failed", counters.commits_failed},
            {"kv_writes_failed", counters.kv_writes_failed},
            {"kv_refused", counters.kv_refused},
            {"turns_refused", counters.turns_refused},
            {"recovered", counters.recovered},
            {"collected_files", counters.collected_files},
            {"collected_bytes", counters.collected_bytes},
            {"blocks_damaged", counters.blocks_damaged},
            {"files_unknown", counters.files_unknown},
            {"rows_without_file", counters.rows_without_file},
            {"rebuilds", counters.rebuilds}};
}

}  // namespace kvasir
