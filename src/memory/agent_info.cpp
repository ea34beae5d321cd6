#include "memory/agent_info.h"

#include <algorithm>
#include <vector>

#include "memory/conversation.h"

namespace kvasir {

namespace {

void count(const StoredBlock& block, AgentCache& cache) {
    const auto add = [&](std::uint64_t& files, std::uint64_t& bytes) {
        ++files;
        bytes += block.file_bytes;
    };
    switch (block.kind) {
        case BlockKind::kAppend:
            return add(cache.append_blocks, cache.append_bytes);
        case BlockKind::kWindow:
            return add(cache.window_segments, cache.window_bytes);
        case BlockKind::kSnapshot:
            return add(cache.snapshots, cache.snapshot_bytes);
    }
}

}  // namespace

Position stored_tokens(std::span<const StoredBlock> blocks) {
    std::vector<TokenRange> ranges;
    Position longest_state = 0;
    for (const StoredBlock& block : blocks) {
        if (block.kind == BlockKind::kAppend) ranges.push_back(block.range);
        if (block.kind == BlockKind::kSnapshot) longest_state = std::max(longest_state, block.range.end);
    }
    if (ranges.empty()) return longest_state;
    std::sort(ranges.begin(), ranges.end(), [](TokenRange a, TokenRange b) { return a.begin < b.begin; });
    Position end = 0;
    for (const TokenRange& range : ranges) {
        if (range.begin > end) break;
        end = std::max(end, range.end);
    }
    return end;
}

Result<AgentCache> stored_cache(Catalog& catalog, const AgentRecord& agent) {
    AgentCache cache;
    KVASIR_TRY_ASSIGN(cache.agent, describe_stored(catalog, agent));
    KVASIR_TRY_ASSIGN(const auto blocks, catalog.referenced_blocks(agent.id));
    for (const StoredBlock& block : blocks) count(block, cache);
    return cache;
}

Result<std::optional<ResponseTurn>> stored_response_turn(Catalog& catalog, const std::string& id) {
    KVASIR_TRY_ASSIGN(auto response, catalog.response(id));
    if (!response) return std::optional<ResponseTurn>();
    KVASIR_TRY_ASSIGN(auto path, catalog.path_to(response->turn));
    KVASIR_TRY_ASSIGN(Conversation conversation, conversation_at({}, std::move(path)));
    return std::optional<ResponseTurn>(
        ResponseTurn{std::move(*response), std::move(conversation.messages), std::move(conversation.tools)});
}

const char* to_string(WhenFull when_full) {
    return when_full == WhenFull::kRefuse ? "refuse" : "drop_oldest_turns";
}

WhenFull when_full_of(std::string_view option) {
    return option == to_string(WhenFull::kDropOldestTurns) ? WhenFull::kDropOldestTurns : WhenFull::kRefuse;
}

Result<AgentInfo> describe_stored(Catalog& catalog, const AgentRecord& agent) {
    KVASIR_TRY_ASSIGN(const std::vector<StoredBlock> blocks, catalog.referenced_blocks(agent.id));
    AgentInfo info;
    info.name = agent.name;
    info.type = agent.type;
    info.system_prompt = agent.system_prompt;
    info.token_count = agent.token_count;
    // Branches that were left may reach further.
    info.cache_tokens = std::min(stored_tokens(blocks), agent.token_count);
    info.state = info.cache_tokens > 0 ? AgentState::kStored : AgentState::kEmpty;
    info.turn_count = agent.turn_count;
    info.created_unix_ms = agent.created_unix_ms;
    info.last_used_unix_ms = agent.last_used_unix_ms;
    for (const StoredBlock& block : blocks) info.kv_disk_bytes += block.file_bytes;
    info.model_name = agent.model_name;
    info.title = agent.title;
    info.made_by = agent.made_by;
    info.pinned = agent.pinned;
    info.parent = agent.parent;
    KVASIR_TRY_ASSIGN(const std::string when_full, catalog.agent_option(agent.id, kWhenFullOption));
    info.when_full = when_full_of(when_full);
    return info;
}

}  // namespace kvasir
