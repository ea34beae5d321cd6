// One command's hold on a store and, where it talks, on a model. Order: the store's lock and catalog first
// (cheap, and a refusal costs nothing), then the model, then the memory over both. Owned by the command, used
// by its thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "app/config.h"
#include "base/file_system.h"
#include "base/result.h"
#include "engine/engine.h"
#include "engine/llama_engine.h"
#include "memory/agent_memory.h"
#include "store/store.h"

namespace kvasir {

// The store alone, for commands that need no model.
struct OpenStore {
    std::unique_ptr<FileSystem> files;
    std::unique_ptr<Store> store;
};

struct SessionOptions {
    std::string model_path = {};        // "": the first of those that are configured
    std::uint32_t sequences_extra = 0;  // places in the engine beyond those of resident agents (measurements)
    std::function<void(const MemoryEvent&)> on_event = {};
};

class Session {
  public:
    static Result<std::unique_ptr<Session>> open(const Config& config, const SessionOptions& options = {});
    // On a store that is open; with an error it is closed.
    static Result<std::unique_ptr<Session>> open(const Config& config, OpenStore store,
                                                 const SessionOptions& options = {});

    AgentMemory& memory() { return *memory_; }
    Engine& engine() { return *engine_; }
    const Engine& engine() const { return *engine_; }
    Store& store() { return *store_; }
    double model_load_ms() const { return model_load_ms_; }

  private:
    Session() = default;

    std::unique_ptr<FileSystem> files_;
    std::unique_ptr<Store> store_;
    std::unique_ptr<Engine> engine_;
    std::unique_ptr<AgentMemory> memory_;
    double model_load_ms_ = 0;
};

Result<OpenStore> open_store(const Config& config);
// Of any of its models; the path is still to be set.
LlamaOptions llama_options(const Config& config);
RestorePolicy restore_policy_of(const Config& config);

}  // namespace kvasir
