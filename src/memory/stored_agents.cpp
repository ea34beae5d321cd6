// What can be done with agents when no model is loaded.
#include <utility>

#include "memory/agent_info.h"
#include "memory/agent_memory.h"

namespace kvasir {

namespace {

// The file and what of it may lie in quarantine.
Status remove_block_files(Store& store, const StoredBlock& block) {
    const Status quarantined = store.blocks().remove_quarantined(block.kind, block.name);
    KVASIR_TRY(store.remove_file(block.kind, block.name));
    return quarantined;
}

}  // namespace

Result<std::vector<AgentInfo>> list_stored_agents(Store& store) {
    KVASIR_TRY_ASSIGN(const std::vector<AgentRecord> agents, store.catalog().agents());
    std::vector<AgentInfo> infos;
    for (const AgentRecord& agent : agents) {
        KVASIR_TRY_ASSIGN(AgentInfo info, describe_stored(store.catalog(), agent));
        infos.push_back(std::move(info));
    }
    return infos;
}

Result<AgentInfo> show_stored_agent(Store& store, const std::string& name) {
    KVASIR_TRY_ASSIGN(const AgentRecord agent, store.catalog().agent(name));
    return describe_stored(store.catalog(), agent);
}

Result<EraseReceipt> erase_stored_agent(Store& store, const std::string& name) {
    KVASIR_TRY_ASSIGN(const AgentRecord agent, store.catalog().agent(name));
    KVASIR_TRY(store.make_room_to_erase());
    KVASIR_TRY_ASSIGN(const ErasedBlocks erased, store.catalog().erase_agent(agent.id));
    EraseReceipt receipt;
    receipt.agent = name;
    receipt.turns_removed = erased.turns;
    receipt.tokens_removed = erased.tokens;
    Status removed = store.remove_unknown_files();  // they may hold words of it
    for (const StoredBlock& block : erased.removed) {
        Status status = remove_block_files(store, block);
        if (!status && removed) removed = std::move(status);
        ++receipt.blocks_removed;
        receipt.bytes_removed += block.file_bytes;
    }
    for (const StoredBlock& block : erased.shared) {
        ++receipt.blocks_kept;
        receipt.bytes_kept += block.file_bytes;
    }
    if (!removed) {
        return fail(removed.error().code,
                    "the agent is erased, but not every file of its KV could be removed: " +
                        removed.error().message + "; the next start tries again");
    }
    return receipt;
}

}  // namespace kvasir
