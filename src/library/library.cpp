// What <kvasir/kvasir.h> promises, by AgentMemory on llama.cpp.
#include <kvasir/kvasir.h>

#include "base/clock.h"
#include "base/file_system.h"
#include "engine/llama_engine.h"
#include "memory/agent_memory.h"
#include "store/store.h"

namespace kvasir::v1 {

namespace {

Failure failure_of(const Error& error) { return {kvasir::to_string(error.code), error.message}; }

Agent agent_of(const AgentInfo& info) {
    return {info.name,       info.type,        info.system_prompt, kvasir::to_string(info.state),
            info.turn_count, info.token_count, info.cache_tokens};
}

}  // namespace

// In the order in which they use each other.
struct Memory::Parts {
    std::unique_ptr<FileSystem> files;
    std::unique_ptr<Store> store;
    std::unique_ptr<Engine> engine;
    std::unique_ptr<AgentMemory> memory;

    Status open(const Options& options) {
        files = make_posix_file_system();
        StoreOptions stored;
        stored.root = options.home;
        KVASIR_TRY_ASSIGN(store, Store::open(stored, *files, system_clock()));
        LlamaOptions llama;
        llama.model_path = options.model;
        llama.context_tokens = options.context_tokens;
        llama.sequences = options.agents_resident;
        llama.threads = options.threads;
        llama.hash_cache_path = options.home + "/weights-hashes";
        KVASIR_TRY_ASSIGN(engine, open_llama_engine(llama));
        kvasir::MemoryOptions remembering;
        remembering.agents_resident_max = options.agents_resident;
        remembering.restore = kvasir::RestorePolicy::kWhenFaster;
        KVASIR_TRY_ASSIGN(memory, AgentMemory::open(remembering, *engine, *store, system_clock()));
        return {};
    }
    Outcome<Agent> shown(const std::string& name) {
        const auto info = memory->show(name);
        if (!info) return failure_of(info.error());
        return agent_of(*info);
    }
    // The agent after something was done with it.
    template <class Done>
    Outcome<Agent> after(const Result<Done>& done, const std::string& name) {
        if (!done) return failure_of(done.error());
        return shown(name);
    }
};

Memory::Memory(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Memory::Memory(Memory&&) noexcept = default;
Memory& Memory::operator=(Memory&&) noexcept = default;
Memory::~Memory() = default;

Outcome<Memory> Memory::open(const Options& options) {
    if (options.home.empty() || options.model.empty())
        return Failure{"invalid_argument", "a store (home) and a model are needed: name both"};
    auto parts = std::make_unique<Parts>();
    const Status opened = parts->open(options);
    if (!opened) return failure_of(opened.error());
    return Memory(std::move(parts));
}

Outcome<Agent> Memory::create(const std::string& name, const std::string& system_prompt,
                              const std::string& type) {
    return parts_->after(parts_->memory->create(name, type, system_prompt), name);
}

Outcome<Answer> Memory::message(const std::string& name, const std::string& text,
                                const MessageOptions& options) {
    kvasir::MessageOptions asked;
    asked.answer_tokens_max = options.tokens_max;
    asked.sampling.temperature = options.temperature;
    asked.sampling.seed = options.seed;
    asked.on_text = options.on_text;
    const auto turn = parts_->memory->message(name, text, asked);
    if (!turn) return failure_of(turn.error());
    return Answer{turn->text,
                  turn->turn,
                  turn->metrics.prompt_tokens,
                  turn->metrics.reused_tokens,
                  kvasir::to_string(turn->metrics.source),
                  turn->durability == Durability::kTokensAndKv,
                  turn->warning};
}

Outcome<Agent> Memory::save(const std::string& name) {
    return parts_->after(parts_->memory->save(name), name);
}

Outcome<Agent> Memory::load(const std::string& name) {
    return parts_->after(parts_->memory->load(name), name);
}

Outcome<Agent> Memory::evict(const std::string& name) {
    return parts_->after(parts_->memory->evict(name), name);
}

Outcome<Agent> Memory::fork(const std::string& name, const std::string& new_name,
                            std::optional<std::uint32_t> at_turn) {
    return parts_->after(parts_->memory->fork(name, new_name, at_turn), new_name);
}

Outcome<Agent> Memory::roll_back(const std::string& name, std::uint32_t to_turn) {
    return parts_->after(parts_->memory->roll_back(name, to_turn), name);
}

Outcome<Receipt> Memory::remove(const std::string& name) {
    const auto receipt = parts_->memory->remove(name);
    if (!receipt) return failure_of(receipt.error());
    return Receipt{receipt->turns_removed, receipt->bytes_removed, receipt->bytes_kept};
}

Outcome<Agent> Memory::show(const std::string& name) { return parts_->shown(name); }

Outcome<std::vector<Agent>> Memory::list() {
    const auto infos = parts_->memory->list();
    if (!infos) return failure_of(infos.error());
    std::vector<Agent> agents;
    for (const AgentInfo& info : *infos) agents.push_back(agent_of(info));
    return agents;
}

}  // namespace kvasir::v1
