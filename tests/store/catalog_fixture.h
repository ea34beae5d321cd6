// What the tests of the catalog share: a temporary directory, makers of agents, turns and blocks, and a
// picture of all that a catalog says.
#pragma once

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "base/limits.h"
#include "store/catalog.h"

namespace kvasir::test {

class TemporaryDirectory {
  public:
    TemporaryDirectory() {
        std::string pattern = ::testing::TempDir() + "kvasir-store-XXXXXX";
        if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
        path_ = pattern;
    }
    ~TemporaryDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

    const std::string& path() const { return path_; }
    std::string file(const std::string& name) const { return path_ + "/" + name; }

  private:
    std::string path_;
};

inline Digest256 digest_of(std::uint32_t number) {
    Digest256 digest;
    std::memcpy(digest.bytes.data(), &number, sizeof number);
    digest.bytes[31] = 0x5a;
    return digest;
}

// Tokens that are the same whenever the seed is, and different otherwise.
inline std::vector<Token> tokens_of(std::uint32_t seed, std::size_t count) {
    std::vector<Token> tokens(count);
    for (std::size_t i = 0; i < count; ++i)
        tokens[i] =
            static_cast<Token>((seed * 2654435761u + static_cast<std::uint32_t>(i) * 40503u) & 0x7fffffff);
    return tokens;
}

inline NewAgent new_agent(const std::string& name, std::size_t prefix_tokens = 5) {
    NewAgent agent;
    agent.name = name;
    agent.type = "tester";
    agent.system_prompt = "You are " + name + ".";
    agent.model_id = digest_of(77);
    agent.model_name = "model";
    agent.model_path = "/models/model.gguf";
    agent.prefix_tokens = tokens_of(static_cast<std::uint32_t>(name.size()), prefix_tokens);
    return agent;
}

inline NewTurn next_turn(const AgentRecord& agent, std::uint32_t seed, std::size_t count = 7) {
    NewTurn turn;
    turn.agent = agent.id;
    turn.expected_head = agent.head;
    turn.user_text = "question " + std::to_string(seed);
    turn.assistant_text = "answer " + std::to_string(seed);
    turn.token_begin = agent.token_count;
    turn.tokens = tokens_of(seed, count);
    turn.prompt_token_count = static_cast<std::uint32_t>(count / 2);
    turn.finish_reason = "stop";
    return turn;
}

inline StoredBlock append_block(std::uint32_t number, const std::optional<BlockName>& parent, Position begin,
                                Position size = kBlockTokens) {
    StoredBlock block;
    block.kind = BlockKind::kAppend;
    block.name = digest_of(number);
    block.parent = parent;
    block.range = {begin, begin + size};
    block.tokens = tokens_of(number, size);
    block.header_hash = digest_of(number + 1000000);
    block.file_bytes = 1000 + number;
    return block;
}

inline StoredBlock window_block(std::uint32_t number, const BlockName& end_name, Position begin,
                                Position size) {
    StoredBlock block = append_block(number, end_name, begin, size);
    block.kind = BlockKind::kWindow;
    return block;
}

inline StoredBlock snapshot_block(std::uint32_t number, const BlockName& end_name, Position begin,
                                  Position size) {
    StoredBlock block = append_block(number, end_name, begin, size);
    block.kind = BlockKind::kSnapshot;
    return block;
}

inline std::vector<BlockName> names_of(const std::vector<StoredBlock>& blocks) {
    std::vector<BlockName> names;
    for (const StoredBlock& block : blocks) names.push_back(block.name);
    return names;
}

template <class T>
T value_of(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().message);
    return std::move(*result);
}
inline void must(const Status& status) {
    if (!status) throw std::runtime_error(status.error().message);
}

// Everything a catalog says, as text: two catalogs that say the same are the same.
inline std::string picture_of(Catalog& catalog) {
    std::ostringstream out;
    out << catalog.tenant_salt().hex() << '\n';
    for (const AgentRecord& agent : value_of(catalog.agents())) {
        out << agent.name << ' ' << static_cast<std::int64_t>(agent.id) << ' ' << agent.last_used_unix_ms
            << ' ' << agent.token_count << ' ' << agent.turn_count << '\n';
        for (const TurnRecord& turn : value_of(catalog.turns(agent.id))) {
            out << "  " << turn.number << ' ' << turn.user_text << ' ' << turn.assistant_text << ' '
                << turn.token_begin << " +" << turn.tokens.size() << ' ' << turn.finish_reason << '\n';
        }
        for (const Token token : value_of(catalog.tokens(agent.id))) out << token << ' ';
        for (const StoredBlock& block : value_of(catalog.referenced_blocks(agent.id)))
            out << "\n  " << to_string(block.kind) << ' ' << block.name.hex() << ' ' << block.file_bytes;
        out << '\n';
    }
    const CatalogTotals totals = value_of(catalog.totals());
    out << totals.agents << ' ' << totals.blocks << ' ' << totals.windows << ' ' << totals.snapshots << ' '
        << totals.block_bytes << '\n';
    return out.str();
}

inline std::string bytes_of_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

inline std::string bytes_of_tokens(std::span<const Token> tokens) {
    std::string bytes(tokens.size_bytes(), '\0');
    std::memcpy(bytes.data(), tokens.data(),
                tokens.size_bytes());  // this machine is little endian, as the file is
    return bytes;
}

// In how many files below the directory the needle is.
inline int files_with(const std::string& directory, std::string_view needle) {
    int found = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory))
        if (entry.is_regular_file() && bytes_of_file(entry.path().string()).find(needle) != std::string::npos)
            ++found;
    return found;
}

}  // namespace kvasir::test
