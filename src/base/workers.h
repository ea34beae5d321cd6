// A few threads that do the parts of one piece of work together with the caller: what is done to the bytes of
// KV (read, check, copy) is bound by what one core can move.
//
// Thread-safe; a caller who finds the threads taken by another works alone. They are started by the first
// work that has several parts, sleep between, and end with the process.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace kvasir {

inline constexpr std::uint64_t kWorkPartBytes = 2 * 1024 * 1024;  // less is not worth waking a thread for
inline constexpr unsigned kWorkersHelpingMax = 3;                 // more do not make memory faster

class Workers {
  public:
    explicit Workers(unsigned helping) : helping_(helping) {}
    ~Workers();
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    // Those of this process: as many as there are cores beside the caller's, kWorkersHelpingMax at most.
    static Workers& shared();

    // Calls `part` once for each number below `parts`, in any order, several at a time; returns when all have
    // returned. `part` must not throw.
    void run(std::size_t parts, const std::function<void(std::size_t)>& part);
    // The same for parts that together are so many bytes: the caller does few bytes alone.
    void run_bytes(std::uint64_t bytes, std::size_t parts, const std::function<void(std::size_t)>& part);

  private:
    void help();
    void start_threads();
    // Does parts until none is left. Called and left with the lock held.
    void take(std::unique_lock<std::mutex>& lock);

    const unsigned helping_;
    std::mutex busy_;  // held by the caller whose work it is
    std::mutex mutex_;
    std::condition_variable wake_;
    std::condition_variable done_;
    const std::function<void(std::size_t)>* part_ = nullptr;
    std::size_t parts_ = 0;
    std::size_t next_ = 0;
    std::size_t finished_ = 0;
    bool ending_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace kvasir
