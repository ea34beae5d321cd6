// One process's worth of Kvasir on a store directory: store, fake engine, memory. What fails is a value, so
// that a harness can go on where a program would tell its user. Owned by a test or by a child process; one
// thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "memory/agent_memory.h"
#include "store/store.h"
#include "support/fake_engine.h"

namespace kvasir::test {

struct NodeOptions {
    std::string root;
    FileSystem* files = nullptr;  // null: the real one
    std::string sqlite_vfs;
    FakeEngineOptions engine;
    std::uint64_t disk_budget_bytes = 0;
    std::uint64_t disk_free_bytes_min = 1;
    std::uint64_t disk_reserve_bytes = 4096;
    std::uint32_t agents_resident_max = 3;
    std::function<std::unique_ptr<Engine>(std::unique_ptr<Engine>)> decorate;
};

FakeEngineOptions durable_engine(bool windowed);

class Node {
  public:
    static Result<std::unique_ptr<Node>> open(const NodeOptions& options);
    ~Node();
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;

    AgentMemory& memory() { return *memory_; }
    Store& store() { return *store_; }
    const FakeModel& model() const { return fake_->fake(); }
    Result<TurnResult> say(const std::string& agent, const std::string& text);

  private:
    Node() = default;

    std::unique_ptr<FileSystem> real_files_;
    std::unique_ptr<Engine> engine_;
    FakeEngine* fake_ = nullptr;
    std::unique_ptr<Store> store_;
    std::unique_ptr<AgentMemory> memory_;
};

// Every answer that is stored must be what the model says after the tokens before it: then no foreign or
// damaged KV was ever attended to. Returns what is wrong.
std::vector<std::string> wrong_answers(Node& node);
std::vector<std::string> wrong_answers_of(Node& node, const std::string& agent);

// What `kvasir fsck` says.
CheckReport check(Node& node, Repair repair);

// A directory that is gone afterwards; in memory where the machine has such a file system (a killed process
// leaves the same there, and it is faster).
class Scratch {
  public:
    Scratch();
    ~Scratch();
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    const std::string& path() const { return path_; }
    std::string fresh();  // a path below it that is not there
    static void copy(const std::string& from, const std::string& to);
    static void remove(const std::string& path);

  private:
    std::string path_;
    int next_ = 0;
};

// Files below `directory` that hold `needle`.
std::vector<std::string> files_holding(const std::string& directory, std::string_view needle);
std::string bytes_of(std::span<const Token> tokens);

}  // namespace kvasir::test
