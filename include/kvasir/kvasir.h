// Agents that remember, in your own program: a thin header over the service that `kvasir` itself uses.
//
//     find_package(kvasir REQUIRED)
//     target_link_libraries(my_program PRIVATE kvasir::kvasir)
//
// One thread at a time calls a Memory; one process at a time has a store. Nothing throws. When message() has
// returned an answer, the turn is durable.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kvasir::v1 {

struct Failure {
    std::string code;     // "not_found", "conflict", "context_full", ...
    std::string message;  // one sentence: what is wrong, what to do
};

// A value, or why there is none.
template <class T>
class Outcome {
  public:
    Outcome(T value) : value_(std::move(value)) {}              // NOLINT(google-explicit-constructor)
    Outcome(Failure failure) : failure_(std::move(failure)) {}  // NOLINT(google-explicit-constructor)
    explicit operator bool() const { return value_.has_value(); }
    T& operator*() { return *value_; }
    const T& operator*() const { return *value_; }
    T* operator->() { return &*value_; }
    const T* operator->() const { return &*value_; }
    const Failure& failure() const { return failure_; }  // when there is no value

  private:
    std::optional<T> value_;
    Failure failure_;
};

struct Options {
    std::string home;                   // directory of the store; made when it is not there
    std::string model;                  // a GGUF file
    std::uint32_t context_tokens = 0;   // of one agent; 0: the model's, at most 8192
    std::uint32_t agents_resident = 3;  // more agents may exist; so many have their KV in memory
    std::uint32_t threads = 0;          // 0: one per core
};

struct Agent {
    std::string name;
    std::string type;
    std::string system_prompt;
    std::string state;  // "ready", "stored", ...
    std::uint32_t turns = 0;
    std::uint32_t tokens = 0;         // of its conversation
    std::uint32_t cached_tokens = 0;  // of them, with KV in memory or on disk
};

struct MessageOptions {
    std::uint32_t tokens_max = 200;
    float temperature = 0;
    std::uint32_t seed = 0;
    std::function<void(std::string_view text)> on_text;  // as it comes
};

struct Answer {
    std::string text;
    std::uint32_t turn = 0;
    std::uint32_t prompt_tokens = 0;
    std::uint32_t reused_tokens = 0;  // of them, not read again
    std::string source;               // where they came from: "resident", "disk", "memory_fork", "none"
    bool kv_durable = false;
    std::string warning;
};

struct Receipt {
    std::uint64_t turns_removed = 0;
    std::uint64_t bytes_removed = 0;
    std::uint64_t bytes_kept = 0;  // other agents share them
};

class Memory {
  public:
    static Outcome<Memory> open(const Options& options);
    Memory(Memory&&) noexcept;
    Memory& operator=(Memory&&) noexcept;
    ~Memory();

    Outcome<Agent> create(const std::string& name, const std::string& system_prompt,
                          const std::string& type = "agent");
    Outcome<Answer> message(const std::string& name, const std::string& text,
                            const MessageOptions& options = {});
    Outcome<Agent> save(const std::string& name);  // its KV; message() does it already
    Outcome<Agent> load(const std::string& name);
    Outcome<Agent> evict(const std::string& name);
    // A new agent with the conversation up to that turn (default: all of it). No KV is copied.
    Outcome<Agent> fork(const std::string& name, const std::string& new_name,
                        std::optional<std::uint32_t> at_turn = std::nullopt);
    Outcome<Agent> roll_back(const std::string& name, std::uint32_t to_turn);
    Outcome<Receipt> remove(const std::string& name);
    Outcome<Agent> show(const std::string& name);
    Outcome<std::vector<Agent>> list();

  private:
    struct Parts;
    explicit Memory(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

}  // namespace kvasir::v1
