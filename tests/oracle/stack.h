// The whole stack over one store directory, as `kvasir chat` builds it, for tests on the real engine.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/file_system.h"
#include "base/result.h"
#include "engine/engine.h"
#include "engine/llama_engine.h"
#include "memory/agent_memory.h"
#include "store/store.h"

namespace kvasir::test {

// A directory of its own, removed with all it holds.
class ScratchDirectory {
  public:
    ScratchDirectory();
    ~ScratchDirectory();
    ScratchDirectory(const ScratchDirectory&) = delete;
    ScratchDirectory& operator=(const ScratchDirectory&) = delete;
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

struct StackOptions {
    std::string model_path;
    std::string kv_type = "f16";
    std::string kv_type_v;  // "": as kv_type
    std::uint32_t agents_resident_max = 3;
    std::uint32_t context_tokens = 2048;
    std::uint32_t batch_tokens = 512;
    std::uint32_t sequences = 0;  // places in the engine; 0: agents_resident_max
    std::uint32_t kv_cells = 0;   // 0: context_tokens * agents_resident_max
    std::function<std::unique_ptr<Engine>(std::unique_ptr<Engine>)> decorate;  // wraps the real engine
};

LlamaOptions engine_options(const StackOptions& options);

class Stack {
  public:
    static Result<std::unique_ptr<Stack>> open(const StackOptions& options, const std::string& home);

    AgentMemory& memory() { return *memory_; }
    Engine& engine() { return *engine_; }
    Store& store() { return *store_; }

  private:
    Stack() = default;

    std::unique_ptr<Engine> engine_;
    std::unique_ptr<FileSystem> files_;
    std::unique_ptr<Store> store_;
    std::unique_ptr<AgentMemory> memory_;
};

}  // namespace kvasir::test
