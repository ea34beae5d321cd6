// What a memory is told when it is opened, and what it tells while it lives. Values.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/limits.h"

namespace kvasir {

// What happened to an agent, told as it happens, on the engine thread.
enum class MemoryEventKind {
    kCreated,
    kRestored,
    kAnswered,
    kSaved,
    kNotSaved,
    kEvicted,
    kDamaged,
    kRemoved,
    kRested,      // nobody's: all left, and the engine's memory was given back
    kForked,      // of the new agent
    kRolledBack,  // the conversation goes on from an earlier turn
    kChanged,     // name, title, type or pin
    kExpired,     // removed, because nobody has used it for long
    kExported,
    kImported,
    kReadAhead  // its next prompt, without the turns that are left out
};

const char* to_string(MemoryEventKind kind);

struct MemoryEvent {
    MemoryEventKind kind = MemoryEventKind::kCreated;
    std::string agent;
    std::uint64_t tokens = 0;  // restored, answered, saved, ...
    double ms = 0;
    std::string detail;
};

class MatchLog;
class ReuseHistory;

// What is remembered of the last requests. Memories of several models share it, so that it outlives each.
struct MemoryLogs {
    std::shared_ptr<MatchLog> matches;
    std::shared_ptr<ReuseHistory> reuse;
};
MemoryLogs make_memory_logs();

// kWhenFaster: stored KV is brought back only when that was faster than reading so far, as measured here.
// kFromDisk: always, and what others hold in memory is not copied instead: to look at what is stored.
enum class RestorePolicy { kAlways, kWhenFaster, kFromDisk };

struct MemoryOptions {
    std::uint32_t agents_resident_max = kAgentsResidentDefault;
    std::function<void(const MemoryEvent&)> on_event = {};  // must not block
    MemoryLogs logs = {};                                   // empty: its own
    std::function<void()> on_rest = {};                     // of several models: memory was asked back
    RestorePolicy restore = RestorePolicy::kAlways;
};

}  // namespace kvasir
