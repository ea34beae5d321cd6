// Exports and imports in one go, over bytes in memory.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "memory/agent_memory.h"

namespace kvasir::test {

inline Result<std::string> export_bytes(AgentMemory& memory, const std::string& name) {
    KVASIR_TRY_ASSIGN(const auto run, memory.begin_export(name));
    std::string file;
    std::vector<std::byte> bytes;
    while (!run->done()) {
        KVASIR_TRY(run->step(bytes));
        file.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    if (file.size() != run->report().file_bytes)
        return fail(ErrorCode::kIo, "the file has another size than was told");
    return file;
}

struct ImportHow {
    std::string name = {};
    TrustKv trust = TrustKv::kNo;
    DryRun dry_run = DryRun::kNo;
};

inline Result<ImportReport> import_bytes(AgentMemory& memory, std::string file, const ImportHow& how = {}) {
    ImportRequest request{make_byte_source(std::move(file)), how.name, how.trust, how.dry_run};
    const auto run = memory.begin_import(std::move(request));
    while (!run->done()) KVASIR_TRY(run->step());
    return run->report();
}

// Where the data section begins.
inline std::size_t data_begin(const std::string& file) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < 8; ++i)
        length |= static_cast<std::size_t>(static_cast<unsigned char>(file.at(i))) << (8 * i);
    return 8 + length;
}

}  // namespace kvasir::test
