#include "durable/node.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <gtest/gtest.h>

namespace kvasir::test {

namespace {

constexpr std::uint32_t kAnswerTokens = 8;

}  // namespace

FakeEngineOptions durable_engine(bool windowed) {
    FakeEngineOptions options;
    options.sequences = 4;
    options.context_tokens = 4096;
    if (windowed) options.window_tokens = 32;
    return options;
}

Result<std::unique_ptr<Node>> Node::open(const NodeOptions& options) {
    std::unique_ptr<Node> node(new Node());
    if (options.files == nullptr) node->real_files_ = make_posix_file_system();
    FileSystem& files = options.files != nullptr ? *options.files : *node->real_files_;
    StoreOptions store;
    store.root = options.root;
    store.disk_budget_bytes = options.disk_budget_bytes;
    store.disk_free_bytes_min = options.disk_free_bytes_min;
    store.disk_reserve_bytes = options.disk_reserve_bytes;
    store.sqlite_vfs = options.sqlite_vfs;
    KVASIR_TRY_ASSIGN(node->store_, Store::open(store, files, system_clock()));
    auto fake = std::make_unique<FakeEngine>(options.engine);
    node->fake_ = fake.get();
    node->engine_ = options.decorate ? options.decorate(std::move(fake)) : std::move(fake);
    MemoryOptions memory;
    memory.agents_resident_max = options.agents_resident_max;
    KVASIR_TRY_ASSIGN(node->memory_,
                      AgentMemory::open(memory, *node->engine_, *node->store_, system_clock()));
    return node;
}

Node::~Node() {
    memory_.reset();
    store_.reset();
}

Result<TurnResult> Node::say(const std::string& agent, const std::string& text) {
    MessageOptions options;
    options.answer_tokens_max = kAnswerTokens;
    return memory_->message(agent, text, options);
}

std::vector<std::string> wrong_answers_of(Node& node, const std::string& agent) {
    const auto turns = node.memory().turns(agent);
    if (!turns) return {agent + " cannot be read: " + turns.error().message};
    std::vector<std::string> wrong;
    std::vector<Token> tokens;
    for (const TurnRecord& turn : *turns) {
        tokens.resize(turn.token_begin);
        const auto prompt_end = turn.tokens.begin() + turn.prompt_token_count;
        tokens.insert(tokens.end(), turn.tokens.begin(), prompt_end);
        const std::vector<Token> answer(prompt_end, turn.tokens.end());
        if (turn.number > 0 &&
            exact_answer(node.model(), tokens, static_cast<std::uint32_t>(answer.size())) != answer)
            wrong.push_back(agent + ", turn " + std::to_string(turn.number) +
                            ": another answer than the exact one");
        tokens.insert(tokens.end(), answer.begin(), answer.end());
    }
    return wrong;
}

std::vector<std::string> wrong_answers(Node& node) {
    const auto agents = node.memory().list();
    if (!agents) return {"agents cannot be listed: " + agents.error().message};
    std::vector<std::string> wrong;
    for (const AgentInfo& agent : *agents) {
        for (const std::string& what : wrong_answers_of(node, agent.name)) wrong.push_back(what);
    }
    return wrong;
}

CheckReport check(Node& node, Repair repair) {
    const auto run = node.store().begin_check({CheckDepth::kContents, repair});
    while (!run->done()) {
        const Status step = run->step();
        if (!step) throw std::runtime_error("fsck: " + step.error().message);
    }
    return run->report();
}

Scratch::Scratch() {
    std::error_code error;
    const bool in_memory = std::filesystem::is_directory("/dev/shm", error) && !error;
    std::string pattern =
        (in_memory ? std::string("/dev/shm/") : testing::TempDir()) + "kvasir-durable-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
    path_ = pattern;
}

Scratch::~Scratch() { remove(path_); }

std::string Scratch::fresh() { return path_ + "/" + std::to_string(next_++); }

void Scratch::copy(const std::string& from, const std::string& to) {
    std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
}

void Scratch::remove(const std::string& path) {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
}

std::vector<std::string> files_holding(const std::string& directory, std::string_view needle) {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
        if (!entry.is_regular_file()) continue;
        std::ifstream in(entry.path(), std::ios::binary);
        const std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
        if (bytes.find(needle) != std::string::npos) found.push_back(entry.path().string());
    }
    return found;
}

std::string bytes_of(std::span<const Token> tokens) {
    std::string bytes(tokens.size_bytes(), '\0');
    std::memcpy(bytes.data(), tokens.data(), tokens.size_bytes());  // little endian, as the files are
    return bytes;
}

}  // namespace kvasir::test
