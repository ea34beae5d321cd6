// The models of one server: what each is, how it is opened, when it is loaded and when it leaves. Values, any
// thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"

namespace kvasir {

// A model's place in the server's list. The first one is meant where nobody says which.
enum class ModelIndex : std::uint32_t {};

inline constexpr std::size_t kModelsMax = 64;

struct ModelSpec {
    std::string name;
    std::vector<std::string> aliases;
    std::string path;
};

enum class ModelState { kUnloaded, kLoading, kLoaded, kLeaving };

const char* to_string(ModelState state);  // "unloaded", "loading", "loaded", "leaving"

// Where engines come from. Called on the loader's thread; open() and check() one at a time.
struct ModelSource {
    // kOutOfMemory: it takes more than `available_bytes` (0: not known). `cancelled` may end it early.
    std::function<Result<std::unique_ptr<Engine>>(const ModelSpec& spec, std::uint64_t available_bytes,
                                                  const std::atomic<bool>& cancelled)>
        open;
    // Whether it would open with so much; nothing is allocated.
    std::function<Status(const ModelSpec& spec, std::uint64_t available_bytes)> check;
    std::function<std::uint64_t()> available_bytes;  // of the system; 0: not known
};

struct ModelsOptions {
    std::vector<ModelSpec> specs;  // at least one
    ModelSource source;
    std::uint64_t memory_bytes = 0;      // that all together may take; 0: not known
    std::uint32_t loaded_max = 0;        // at a time; 0: as many as fit
    std::uint32_t idle_ms = 0;           // unused for so long: it leaves; 0: never
    std::uint32_t stay_ms = 3'000;       // that a model has served at least before it leaves for another one
    std::uint32_t wait_ms_max = 60'000;  // that a turn waits for its model
    std::uint32_t retry_ms = 5'000;      // after a failure; twice as long after each further one
    std::uint32_t retry_ms_max = 60'000;
};

}  // namespace kvasir
