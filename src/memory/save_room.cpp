#include "memory/save_room.h"

#include <utility>

namespace kvasir {

namespace {

// Between two pieces another save may take what was freed.
constexpr std::uint32_t kAttemptsMax = 3;

}  // namespace

void SaveRoom::want(std::uint64_t bytes, const std::string& agent) {
    bytes_ = bytes;
    agent_ = agent;
    attempts_ = 0;
    collection_.reset();
    reservation_ = {};
}

Result<bool> SaveRoom::step() {
    if (collection_) {
        KVASIR_TRY(collection_->step());
        if (!collection_->done()) return false;
        const bool in_vain = collection_->result().bytes_freed == 0;
        collection_.reset();
        if (in_vain) attempts_ = kAttemptsMax;
        return false;
    }
    auto reserved = store_.reserve_kv(bytes_);
    if (!reserved) return collect(reserved.error());
    reservation_ = std::move(*reserved);
    return true;
}

Result<bool> SaveRoom::collect(const Error& refused) {
    if (refused.code != ErrorCode::kNoSpace || attempts_ >= kAttemptsMax) {
        if (refused.code == ErrorCode::kNoSpace) store_.note_kv_refused(refused);
        return fail(refused);
    }
    ++attempts_;
    CollectionRequest request;
    KVASIR_TRY_ASSIGN(request.bytes, store_.missing_kv_bytes(bytes_));
    if (request.bytes == 0) return false;  // there is room by now
    const auto agent = store_.catalog().agent(agent_);
    if (!agent && agent.error().code != ErrorCode::kNotFound) return fail(agent.error());
    request.depth = CollectionDepth::kColdAgents;
    // One that is not there yet is made now.
    if (agent) request.colder_than_unix_ms = agent->last_used_unix_ms;
    collection_ = store_.begin_collection(request);
    return false;
}

}  // namespace kvasir
