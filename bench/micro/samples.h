// What the micro-benchmarks measure with: a block of the shape of a 1B model, and a store of its own in a
// temporary directory. Helpers end the program when something fails; one thread.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/limits.h"
#include "store/block.h"
#include "store/store.h"

namespace kvasir::micro {

template <class T>
T value_or_exit(Result<T> result) {
    if (!result) {
        std::fprintf(stderr, "%s\n", result.error().message.c_str());
        std::exit(1);
    }
    return std::move(*result);
}

inline void done_or_exit(const Status& status) {
    if (status) return;
    std::fprintf(stderr, "%s\n", status.error().message.c_str());
    std::exit(1);
}

inline Digest256 digest_of(std::uint8_t fill) {
    Digest256 digest;
    digest.bytes.fill(fill);
    return digest;
}

inline std::vector<Token> some_tokens(std::size_t count, Token seed = 1) {
    std::vector<Token> tokens(count);
    for (std::size_t i = 0; i < count; ++i)
        tokens[i] = static_cast<Token>((static_cast<std::size_t>(seed) * 7919 + i * 104729) % 32000);
    return tokens;
}

// A full block of 16 layers with 512 F16 elements in a row of keys and values: 8 MiB.
inline BlockSpec block_of_1b_shape() {
    BlockSpec spec;
    spec.name = digest_of(1);
    spec.fingerprint = digest_of(2);
    spec.range = {0, kBlockTokens};
    spec.tokens = some_tokens(kBlockTokens);
    spec.kv_type_k = "f16";
    spec.kv_type_v = "f16";
    for (int layer = 0; layer < 16; ++layer) {
        for (const char* part : {"key", "value"})
            spec.tensors.push_back({"layer_" + std::to_string(layer) + "." + part,
                                    "F16",
                                    {kBlockTokens, 512},
                                    std::uint64_t{kBlockTokens} * 512 * 2});
    }
    return spec;
}

inline std::vector<std::byte> image_of(const BlockSpec& spec) {
    std::vector<std::byte> image(spec.image_bytes());
    for (std::size_t i = 0; i < image.size(); ++i) image[i] = static_cast<std::byte>(i * 131 >> 3);
    return image;
}

// On the disk of the working directory, where stores lie; /tmp may be memory.
class ScratchStore {
  public:
    ScratchStore() : root_((std::filesystem::current_path() / "micro-XXXXXX").string()) {
        if (::mkdtemp(root_.data()) == nullptr) std::exit(1);
        files_ = make_posix_file_system();
        StoreOptions options;
        options.root = root_ + "/store";
        options.disk_budget_bytes = std::uint64_t{4} << 30;
        store_ = value_or_exit(Store::open(options, *files_, system_clock()));
    }
    ~ScratchStore() {
        store_.reset();
        std::error_code ignored;
        std::filesystem::remove_all(root_, ignored);
    }
    ScratchStore(const ScratchStore&) = delete;
    ScratchStore& operator=(const ScratchStore&) = delete;

    Store& operator*() { return *store_; }
    Store* operator->() { return store_.get(); }
    const std::string& folder() const { return root_; }

    AgentRecord agent(const std::string& name) {
        NewAgent agent;
        agent.name = name;
        agent.model_id = digest_of(3);
        agent.prefix_tokens = some_tokens(64);
        return value_or_exit(store_->catalog().create_agent(agent, 1));
    }

  private:
    std::string root_;
    std::unique_ptr<FileSystem> files_;
    std::unique_ptr<Store> store_;
};

}  // namespace kvasir::micro
