// Agents are deleted while others speak; then every byte of every file of the store is searched for their
// words and tokens.
#include <iostream>
#include <random>

#include "durable/node.h"
#include "durable/script.h"
#include <gtest/gtest.h>

#include "memory/turn_run.h"

namespace kvasir::test {
namespace {

std::string name_of(std::uint32_t agent) { return "agent-" + std::to_string(agent); }
// Nobody else says this.
std::string secret_of(std::uint32_t agent) {
    return "the code of " + std::to_string(agent * 7'919 + 481'726) + " is safe";
}

std::string token_bytes(const std::string& text) {
    std::vector<Token> tokens;
    for (const char c : text)
        tokens.push_back(static_cast<unsigned char>(c));  // the fake engine's tokens are bytes
    return bytes_of(tokens);
}

struct ErasureFigures {
    std::uint64_t erased = 0;
    std::uint64_t files_with_words = 0;
    std::uint64_t kept_named = 0;  // receipts that name shared prefixes
    std::uint64_t bystanders_wrong = 0;
};

class Erasing {
  public:
    explicit Erasing(bool windowed) {
        options_.root = scratch_.fresh();
        options_.engine = durable_engine(windowed);
        open();
    }

    ErasureFigures run(std::uint32_t rounds) {
        for (std::uint32_t round = 0; round < rounds; ++round) {
            const std::uint32_t first = round * 4;
            for (std::uint32_t agent = first; agent < first + 4; ++agent) begin(agent);
            for (std::uint32_t turn = 0; turn < 3; ++turn) {
                for (std::uint32_t agent = first; agent < first + 4; ++agent) say(agent, turn);
            }
            if (round % 3 == 1) quarantine_something_of(first);
            if (round % 4 == 3) open();
            // Three of four go, in the middle of another's turn; one stays.
            for (std::uint32_t agent = first; agent < first + 3; ++agent) erase(agent, first + 3);
            say(first + 3, 99);
        }
        figures_.bystanders_wrong = wrong_answers(*node_).size();
        return figures_;
    }
    // What a scan says of an agent that is there.
    std::size_t files_with_words_of(std::uint32_t agent) const {
        return files_holding(options_.root, secret_of(agent)).size() +
               files_holding(options_.root, token_bytes(secret_of(agent))).size();
    }

  private:
    void open() {
        node_.reset();
        auto opened = Node::open(options_);
        if (!opened) throw std::runtime_error(opened.error().message);
        node_ = std::move(*opened);
    }
    void begin(std::uint32_t agent) {
        // All begin with the same 300 tokens: one block is shared.
        ASSERT_TRUE(node_->memory().create(name_of(agent), "t", long_text(300, 's')));
    }
    void say(std::uint32_t agent, std::uint32_t turn) {
        const std::string text = turn == 1 ? secret_of(agent) : long_text(100 + turn * 60 % 200, 'q');
        ASSERT_TRUE(node_->say(name_of(agent), text));
    }
    // Of an agent that will go: its words must not stay there either.
    void quarantine_something_of(std::uint32_t agent) {
        const auto record = node_->store().catalog().agent(name_of(agent));
        const auto blocks = node_->store().catalog().referenced_blocks(record->id);
        ASSERT_FALSE(blocks->empty());
        ASSERT_TRUE(node_->store().blocks().quarantine(blocks->back().kind, blocks->back().name, "a test"));
        ASSERT_TRUE(node_->store().catalog().drop_block(blocks->back().kind, blocks->back().name));
    }
    void erase(std::uint32_t agent, std::uint32_t speaker) {
        ASSERT_GT(files_with_words_of(agent), 0u) << "control: the scan does not find what is there";
        TurnRequest request;
        request.agent = name_of(speaker);
        request.messages = {{Role::kUser, "and now?", {}, {}, {}, {}}};
        request.reading = AnswerReading::kRaw;
        request.answer_tokens_max = 4;
        auto turn = node_->memory().begin_turn(request, {});
        ASSERT_TRUE(turn) << turn.error().message;
        (*turn)->restore();
        const auto receipt = node_->memory().remove(name_of(agent));
        ASSERT_TRUE(receipt) << receipt.error().message;
        EXPECT_EQ(receipt->turns_removed, 3u);
        if (receipt->blocks_kept > 0 && receipt->bytes_kept > 0) ++figures_.kept_named;
        ++figures_.erased;
        figures_.files_with_words += files_with_words_of(agent);
        turn->reset();
    }

    Scratch scratch_;
    NodeOptions options_;
    std::unique_ptr<Node> node_;
    ErasureFigures figures_;
};

void expect_erased(std::uint32_t rounds) {
    for (const bool windowed : {false, true}) {
        const ErasureFigures figures = Erasing(windowed).run(rounds);
        EXPECT_EQ(figures.erased, rounds * 3);
        EXPECT_EQ(figures.files_with_words, 0u);
        EXPECT_EQ(figures.kept_named, figures.erased) << "the shared prefix is not named in the receipt";
        EXPECT_EQ(figures.bystanders_wrong, 0u);
        std::cout << "[ figure   ] erasure, " << (windowed ? "windowed" : "plain")
                  << " model: " << figures.erased << " agents erased beside turns of others, "
                  << figures.files_with_words << " files with their words or tokens, " << figures.kept_named
                  << " receipts that name the shared prefix, " << figures.bystanders_wrong
                  << " bystanders harmed\n";
    }
}

TEST(ErasureTest, NothingIsFoundAfterwards) { expect_erased(4); }
TEST(SoakErasureTest, NothingIsFoundAfterwards) { expect_erased(100); }

// A process died between a KV file and its row: nobody knows the file, and it holds words.
TEST(ErasureTest, AFileThatNoRowKnowsGoesToo) {
    Scratch scratch;
    NodeOptions options;
    options.root = scratch.fresh();
    options.engine = durable_engine(false);
    {
        auto node = Node::open(options);
        ASSERT_TRUE(node);
        ASSERT_TRUE((*node)->memory().create("ada", "t", ""));
        ASSERT_TRUE((*node)->say("ada", secret_of(1)));
        const auto agent = (*node)->store().catalog().agent("ada");
        const auto blocks = (*node)->store().catalog().referenced_blocks(agent->id);
        const std::string path =
            (*node)->store().blocks().path_of(blocks->front().kind, blocks->front().name);
        Scratch::copy(path, path.substr(0, path.size() - 20) + "0000.safetensors");
    }
    auto node = Node::open(options);
    ASSERT_TRUE(node);
    ASSERT_TRUE((*node)->memory().remove("ada"));
    EXPECT_TRUE(files_holding(options.root, token_bytes(secret_of(1))).empty());
}

}  // namespace
}  // namespace kvasir::test
