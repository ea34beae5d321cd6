#include "memory/world.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include <unistd.h>

#include "support/fake_text.h"

namespace kvasir::test {

namespace {

std::string fresh_directory() {
    static std::atomic<int> next{0};
    return testing::TempDir() + "kvasir-memory-" + std::to_string(::getpid()) + "-" + std::to_string(next++);
}

std::vector<std::string> files_under(const std::string& directory) {
    std::vector<std::string> paths;
    if (!std::filesystem::exists(directory)) return paths;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
        if (entry.is_regular_file()) paths.push_back(entry.path().string());
    }
    std::sort(paths.begin(), paths.end());
    return paths;
}

}  // namespace

Status SwitchedDisk::write_new_synced(const std::string& path,
                                      std::span<const std::span<const std::byte>> parts) {
    {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !held_; });
    }
    if (refuse_writes && writes_before_refusal == 0) return fail(*refuse_writes);
    if (refuse_writes) --writes_before_refusal;
    Status written = below_->write_new_synced(path, parts);
    if (after_write) after_write();
    return written;
}

void SwitchedDisk::hold_writes() {
    const std::lock_guard lock(mutex_);
    held_ = true;
}

void SwitchedDisk::let_writes_go() {
    const std::lock_guard lock(mutex_);
    held_ = false;
    changed_.notify_all();
}

Status SwitchedDisk::read_at(const std::string& path, std::uint64_t offset, std::span<std::byte> out) {
    if (refuse_reads) return fail(*refuse_reads);
    return below_->read_at(path, offset, out);
}

void ExactAgents::create(const std::string& name, const std::string& system_prompt) {
    agents_[name] = Agent{system_prompt, {}, 0};
}

std::string ExactAgents::answer(const FakeModel& model, const std::string& name, const std::string& text,
                                std::uint32_t answer_tokens_max) {
    Agent& agent = agents_.at(name);
    std::string added;
    if (agent.turns == 0) {
        if (!agent.system_prompt.empty())
            added = "<|im_start|>system\n" + agent.system_prompt + "<|im_end|>\n";
    } else {
        added = agent.tokens.back() == kFakeImEnd ? "\n" : "<|im_end|>\n";
    }
    added += "<|im_start|>user\n" + text + "<|im_end|>\n<|im_start|>assistant\n";
    for (const Token token : fake_tokenize(added, SpecialTokens::kParse)) agent.tokens.push_back(token);
    ++agent.turns;
    std::string answer;
    for (const Token token : exact_answer(model, agent.tokens, answer_tokens_max)) {
        agent.tokens.push_back(token);
        answer += fake_piece(token, SpecialTokens::kAsText);
    }
    return answer;
}

FakeEngineOptions plain_engine() {
    FakeEngineOptions options;
    options.sequences = kAgentsResidentDefault;
    return options;
}

FakeEngineOptions windowed_engine() {
    FakeEngineOptions options = plain_engine();
    options.window_tokens = 32;
    options.name = "fake-windowed";
    options.weights = "fake-windowed-weights";
    return options;
}

FakeEngineOptions engine_of_family(const std::string& family) {
    FakeEngineOptions options = plain_engine();
    options.name = "fake-" + family;
    options.weights = "weights of " + family;
    if (family == "windowed" || family == "hybrid_windowed") options.window_tokens = 32;
    if (family == "chunked") {
        options.window_tokens = 48;
        options.window_shape = WindowShape::kChunked;
    }
    if (family == "recurrent" || family == "hybrid" || family == "hybrid_windowed")
        options.snapshot = SnapshotForm::kParts;
    if (family == "opaque") options.snapshot = SnapshotForm::kOpaque;
    if (family == "recurrent" || family == "opaque") options.append_layers = 0;
    return options;
}

World::World(WorldOptions options) : options_(std::move(options)), root_(fresh_directory()) {
    restart(options_.engine);
}

World::~World() {
    memory_.reset();
    store_.reset();
    engine_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
}

void World::restart(const FakeEngineOptions& engine) {
    memory_.reset();
    store_.reset();
    options_.engine = engine;
    auto fake = std::make_unique<FakeEngine>(engine);
    fake_ = fake.get();
    engine_ = options_.decorate ? options_.decorate(std::move(fake)) : std::move(fake);
    StoreOptions store;
    store.root = root_;
    store.disk_free_bytes_min = 1'000'000;
    store.disk_reserve_bytes = 4096;
    store.disk_budget_bytes = options_.disk_budget_bytes;
    if (options_.vfs != nullptr) store.sqlite_vfs = options_.vfs->name();
    auto opened = Store::open(store, disk_, clock_);
    if (!opened) throw std::runtime_error(opened.error().message);
    store_ = std::move(*opened);
    auto memory = AgentMemory::open(options_.memory, *engine_, *store_, clock_);
    if (!memory) throw std::runtime_error(memory.error().message);
    memory_ = std::move(*memory);
}

CreateResult World::create(const std::string& name, const std::string& system_prompt) {
    auto created = memory_->create(name, "tester", system_prompt);
    if (!created) {
        ADD_FAILURE() << created.error().message;
        return {};
    }
    exact_.create(name, system_prompt);
    return *created;
}

TurnResult World::say(const std::string& name, const std::string& text, std::uint32_t answer_tokens_max) {
    TurnResult turn = say_unchecked(name, text, answer_tokens_max);
    EXPECT_EQ(turn.text, exact_.answer(fake_->fake(), name, text, answer_tokens_max)) << "agent " << name;
    EXPECT_EQ(turn.metrics.reused_tokens + turn.metrics.evaluated_tokens, turn.metrics.prompt_tokens);
    EXPECT_EQ(turn.metrics.evaluated_by_engine,
              turn.metrics.evaluated_tokens + turn.metrics.answer_tokens - 1);
    return turn;
}

TurnResult World::say_unchecked(const std::string& name, const std::string& text,
                                std::uint32_t answer_tokens_max) {
    MessageOptions options;
    options.answer_tokens_max = answer_tokens_max;
    auto turn = memory_->message(name, text, options);
    if (turn) return *turn;
    ADD_FAILURE() << turn.error().message;
    return {};
}

std::vector<std::string> World::block_files(BlockKind kind) const {
    std::vector<std::string> paths = files_under(root_ + "/" + info_of(kind).directory);
    std::erase_if(paths, [&](const std::string& path) {
        return (path.find(".window.") != std::string::npos) != (kind == BlockKind::kWindow);
    });
    return paths;
}

std::vector<std::string> World::quarantined() const { return files_under(root_ + "/quarantine"); }

std::string words(std::uint32_t bytes, char letter) {
    std::string text;
    for (std::uint32_t i = 0; i < bytes; ++i)
        text += i % 8 == 7 ? ' ' : static_cast<char>(letter + static_cast<int>(i % 3));
    return text;
}

}  // namespace kvasir::test
