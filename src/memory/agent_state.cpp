// Names of the enums that users see.
#include "memory/agent_memory.h"

namespace kvasir {

const char* to_string(AgentState state) {
    switch (state) {
        case AgentState::kEmpty:
            return "empty";
        case AgentState::kPrefilled:
            return "prefilled";
        case AgentState::kActive:
            return "active";
        case AgentState::kSaving:
            return "saving";
        case AgentState::kReady:
            return "ready";
        case AgentState::kStored:
            return "stored";
        case AgentState::kRestoring:
            return "restoring";
        case AgentState::kDamaged:
            return "damaged";
    }
    return "unknown";
}

const char* to_string(MemoryEventKind kind) {
    switch (kind) {
        case MemoryEventKind::kCreated:
            return "created";
        case MemoryEventKind::kRestored:
            return "restored";
        case MemoryEventKind::kAnswered:
            return "answered";
        case MemoryEventKind::kSaved:
            return "saved";
        case MemoryEventKind::kNotSaved:
            return "not_saved";
        case MemoryEventKind::kEvicted:
            return "evicted";
        case MemoryEventKind::kDamaged:
            return "damaged";
        case MemoryEventKind::kRemoved:
            return "removed";
        case MemoryEventKind::kRested:
            return "rested";
        case MemoryEventKind::kForked:
            return "forked";
        case MemoryEventKind::kRolledBack:
            return "rolled_back";
        case MemoryEventKind::kChanged:
            return "changed";
        case MemoryEventKind::kExpired:
            return "expired";
        case MemoryEventKind::kExported:
            return "exported";
        case MemoryEventKind::kImported:
            return "imported";
        case MemoryEventKind::kReadAhead:
            return "read_ahead";
    }
    return "unknown";
}

const char* to_string(ReuseSource source) {
    switch (source) {
        case ReuseSource::kNone:
            return "none";
        case ReuseSource::kResident:
            return "resident";
        case ReuseSource::kMemoryFork:
            return "memory_fork";
        case ReuseSource::kDisk:
            return "disk";
    }
    return "unknown";
}

}  // namespace kvasir
