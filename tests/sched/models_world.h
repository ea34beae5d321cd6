// Several fake models over one real store, in memory whose size the test decides: each takes kModelBytes of
// it. Every answer is compared with what its agent's own model says from tokens alone.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "memory/world.h"
#include "sched/waiting_listener.h"

namespace kvasir::test {

inline constexpr std::uint64_t kModelBytes = 1'000'000;

// Takes a known part of the memory of all, and counts how many of its kind live.
class SizedEngine final : public ForwardingEngine {
  public:
    SizedEngine(std::unique_ptr<Engine> inner, std::atomic<int>& living)
        : ForwardingEngine(std::move(inner)), living_(living) {
        ++living_;
    }
    ~SizedEngine() override { --living_; }
    EngineMemory memory() const override { return {kModelBytes, 0, 0}; }

  private:
    std::atomic<int>& living_;
};

// Has other weights than it says.
class ImpostorEngine final : public ForwardingEngine {
  public:
    ImpostorEngine(std::unique_ptr<Engine> inner, const Fingerprint& told)
        : ForwardingEngine(std::move(inner)), told_(told) {}
    const Fingerprint& fingerprint() const override { return told_; }

  private:
    Fingerprint told_;
};

struct ModelsWorldOptions {
    std::vector<std::string> families = {"plain", "windowed"};
    std::uint64_t memory_bytes = 10 * kModelBytes;
    std::uint32_t loaded_max = 0;
    std::uint32_t idle_ms = 0;
    std::uint32_t stay_ms = 0;
    std::uint32_t wait_ms_max = 20'000;
    std::uint32_t retry_ms = 100;
    std::uint32_t places = 4;
};

class ModelsWorld {
  public:
    explicit ModelsWorld(ModelsWorldOptions options = {});
    ~ModelsWorld();
    ModelsWorld(const ModelsWorld&) = delete;
    ModelsWorld& operator=(const ModelsWorld&) = delete;

    void restart();
    Scheduler& scheduler() { return *scheduler_; }
    Store& store() { return *store_; }  // not while the scheduler runs
    SwitchedDisk& disk() { return disk_; }
    const std::string& root() const { return root_; }
    void stop() { scheduler_.reset(); }

    // What opening a model comes to, until it is taken back.
    void refuse_to_open(std::size_t model, Error error);
    void refuse_to_check(std::size_t model, Error error);
    void allow(std::size_t model);
    // The positive control: another one is opened that says it were this.
    void open_impostor(std::size_t model, std::size_t other);

    std::shared_ptr<WaitingListener> submit(TurnRequest request, std::optional<ModelIndex> model,
                                            std::shared_ptr<TurnTicket>* ticket = nullptr);
    Result<TurnResult> create(const std::string& agent, std::size_t model);
    // A message to an agent whose conversation we hold, until it is not kUnavailable. `expected`: what its
    // model must answer.
    Result<TurnResult> say(const std::string& agent, const std::string& text);
    std::string expected(const std::string& agent, std::size_t model, const std::string& text);
    std::vector<ModelStatus> models() { return scheduler_->models(); }
    ModelStatus model(std::size_t index) { return models()[index]; }
    bool wait_for(std::size_t model, ModelState state);
    AgentInfo show(const std::string& agent);

    std::atomic<std::uint64_t> refused{0};  // turns that were told to come again
    std::atomic<int> living{0};             // engines
    std::atomic<int> most_living{0};

  private:
    ModelSource source();

    ModelsWorldOptions options_;
    std::string root_;
    SwitchedDisk disk_;
    std::mutex mutex_;  // guards what follows
    std::map<std::size_t, Error> open_errors_;
    std::map<std::size_t, Error> check_errors_;
    std::map<std::size_t, std::size_t> impostors_;
    ExactAgents exact_;
    std::unique_ptr<Store> store_;
    std::unique_ptr<Scheduler> scheduler_;
};

inline FakeEngineOptions engine_of(const ModelsWorldOptions& options, std::size_t model) {
    FakeEngineOptions engine = engine_of_family(options.families[model]);
    engine.weights += " " + std::to_string(model);
    engine.sequences = options.places;
    return engine;
}

}  // namespace kvasir::test
