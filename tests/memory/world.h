// A fake engine, a real store on a directory of its own, and the memory over them, through any number of
// restarts. Every answer is compared with what the fake model says from tokens alone.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/file_system.h"
#include "memory/agent_memory.h"
#include "store/store.h"
#include "support/fake_engine.h"
#include "support/fault_vfs.h"
#include "support/forwarding_engine.h"

namespace kvasir::test {

// A real file system whose free space and faults the test decides.
class SwitchedDisk final : public FileSystem {
  public:
    std::atomic<std::uint64_t> free = 100ULL * 1000 * 1000 * 1000;  // any thread
    std::optional<Error> refuse_writes;
    std::uint32_t writes_before_refusal = 0;
    std::optional<Error> refuse_reads;
    std::function<void()> after_write;

    // From now on a write does not end before let_writes_go().
    void hold_writes();
    void let_writes_go();

    Status write_new_synced(const std::string& path,
                            std::span<const std::span<const std::byte>> parts) override;
    Status rename(const std::string& from, const std::string& to) override {
        return below_->rename(from, to);
    }
    Status sync_directory(const std::string& path) override { return below_->sync_directory(path); }
    Status remove(const std::string& path) override { return below_->remove(path); }
    Status read_at(const std::string& path, std::uint64_t offset, std::span<std::byte> out) override;
    Result<std::uint64_t> file_size(const std::string& path) override { return below_->file_size(path); }
    Result<std::vector<FileInfo>> list(const std::string& path) override { return below_->list(path); }
    Status make_directories(const std::string& path) override { return below_->make_directories(path); }
    Result<std::uint64_t> free_bytes(const std::string&) override { return free; }
    Result<std::unique_ptr<FileLock>> lock(const std::string& path) override { return below_->lock(path); }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool held_ = false;
    std::unique_ptr<FileSystem> below_ = make_posix_file_system();
};

class StepClock final : public Clock {
  public:
    std::int64_t unix_ms() const override { return 1'700'000'000'000 + ++ms_; }
    std::int64_t monotonic_us() const override { return ++us_; }

  private:
    mutable std::int64_t ms_ = 0;
    mutable std::int64_t us_ = 0;
};

// What the agents' tokens and answers must be, computed without memory and KV. ChatML only.
class ExactAgents {
  public:
    void create(const std::string& name, const std::string& system_prompt);
    std::string answer(const FakeModel& model, const std::string& name, const std::string& text,
                       std::uint32_t answer_tokens_max);
    const std::vector<Token>& tokens(const std::string& name) const { return agents_.at(name).tokens; }
    // `name` as `from` was in `then`.
    void copy(const std::string& name, const ExactAgents& then, const std::string& from) {
        agents_[name] = then.agents_.at(from);
    }
    void remove(const std::string& name) { agents_.erase(name); }

  private:
    struct Agent {
        std::string system_prompt;
        std::vector<Token> tokens;
        std::uint32_t turns = 0;
    };
    std::map<std::string, Agent> agents_;
};

struct WorldOptions {
    FakeEngineOptions engine;
    MemoryOptions memory;
    FaultVfs* vfs = nullptr;
    std::uint64_t disk_budget_bytes = 0;  // 0: a share of what is free
    std::function<std::unique_ptr<Engine>(std::unique_ptr<Engine>)> decorate;
};

FakeEngineOptions plain_engine();
FakeEngineOptions windowed_engine();
// "plain", "windowed", "chunked", "recurrent", "hybrid", "hybrid_windowed", "opaque".
FakeEngineOptions engine_of_family(const std::string& family);

class World {
  public:
    explicit World(WorldOptions options = {});
    ~World();
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    // Ends the process and starts it anew, maybe with another engine.
    void restart() { restart(options_.engine); }
    void restart(const FakeEngineOptions& engine);

    bool running() const { return memory_ != nullptr; }  // not between two processes
    AgentMemory& memory() { return *memory_; }
    FakeEngine& engine() { return *fake_; }
    Store& store() { return *store_; }
    SwitchedDisk& disk() { return disk_; }
    const std::string& root() const { return root_; }
    ExactAgents& exact() { return exact_; }

    CreateResult create(const std::string& name, const std::string& system_prompt);
    // Says `text` and expects the exact answer.
    TurnResult say(const std::string& name, const std::string& text, std::uint32_t answer_tokens_max = 12);
    TurnResult say_unchecked(const std::string& name, const std::string& text,
                             std::uint32_t answer_tokens_max = 12);

    std::vector<std::string> block_files(BlockKind kind) const;  // paths, sorted
    std::vector<std::string> quarantined() const;

  private:
    WorldOptions options_;
    std::string root_;
    SwitchedDisk disk_;
    StepClock clock_;
    ExactAgents exact_;
    FakeEngine* fake_ = nullptr;
    std::unique_ptr<Engine> engine_;
    std::unique_ptr<Store> store_;
    std::unique_ptr<AgentMemory> memory_;
};

std::string words(std::uint32_t bytes, char letter = 'w');

// Tests of memory run on both kinds of models.
class MemoryTest : public testing::TestWithParam<const char*> {
  protected:
    bool windowed() const { return std::string(GetParam()) == "windowed"; }
    FakeEngineOptions engine_options() const { return windowed() ? windowed_engine() : plain_engine(); }
    WorldOptions options() const {
        WorldOptions options;
        options.engine = engine_options();
        return options;
    }
};

#define KVASIR_MODELS(Suite, ...)                                         \
    INSTANTIATE_TEST_SUITE_P(Models, Suite, testing::Values(__VA_ARGS__), \
                             [](const testing::TestParamInfo<const char*>& model) { return model.param; })
#define KVASIR_ALL_FAMILIES(Suite) \
    KVASIR_MODELS(Suite, "plain", "windowed", "chunked", "recurrent", "hybrid", "hybrid_windowed", "opaque")
#define KVASIR_BOTH_MODELS(Suite) KVASIR_MODELS(Suite, "plain", "windowed")
// For what only a model with a window plane has.
#define KVASIR_WINDOWED_MODEL(Suite) KVASIR_MODELS(Suite, "windowed")

}  // namespace kvasir::test
