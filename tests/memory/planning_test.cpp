// The pure parts: chunks, chains, row images, prompts.
#include <string>

#include "memory/prefill.h"
#include "memory/prompt.h"
#include "memory/row_image.h"
#include "memory/token_chain.h"
#include "memory/window_cover.h"
#include "memory/world.h"
#include "support/fake_text.h"

namespace kvasir::test {
namespace {

TEST(Chunks, EndAtBatchesAndBoundaries) {
    using Ranges = std::vector<TokenRange>;
    EXPECT_EQ(plan_chunks({5, 5}, 4, {}), Ranges{});
    EXPECT_EQ(plan_chunks({0, 9}, 4, {}), (Ranges{{0, 4}, {4, 8}, {8, 9}}));
    EXPECT_EQ(plan_chunks({2, 9}, 4, {0, 2, 8, 9, 30}), (Ranges{{2, 6}, {6, 8}, {8, 9}}));
    EXPECT_EQ(plan_chunks({0, 9}, 100, {8, 3, 3}), (Ranges{{0, 3}, {3, 8}, {8, 9}}));
}

TEST(Chain, NamesArePartsOfOneChain) {
    std::vector<Token> tokens;
    for (Token i = 0; i < 700; ++i) tokens.push_back(i);
    const ChainRoot root{{}, {}};
    const TokenChain chain(root, tokens);
    const auto names = chain_names(root, tokens);
    ASSERT_EQ(names.size(), 3U);
    EXPECT_EQ(chain.name_at(256), names[0]);
    EXPECT_EQ(chain.name_at(512), names[1]);
    EXPECT_EQ(chain.name_at(700), names[2]);
    EXPECT_EQ(chain.name_at(300), chain_names(root, std::span(tokens).first(300)).back());
    EXPECT_EQ(chain.parent_of(0), std::nullopt);
    EXPECT_EQ(chain.parent_of(512), names[1]);
    EXPECT_EQ(split_at_blocks({250, 520}), (std::vector<TokenRange>{{250, 256}, {256, 512}, {512, 520}}));
    EXPECT_TRUE(split_at_blocks({7, 7}).empty());
}

TEST(WindowCover, WalksBackAndTriesAnotherWayAtADeadEnd) {
    const std::vector<Token> tokens(100, 7);
    const TokenChain chain({{}, {}}, tokens);
    std::vector<TokenRange> stored = {{20, 60}, {50, 60}, {30, 50}, {60, 80}};
    const SegmentsEndingAt segments = [&](const BlockName& name) -> Result<std::vector<StoredBlock>> {
        std::vector<StoredBlock> found;
        for (const TokenRange& range : stored) {
            if (chain.name_at(range.end) != name) continue;
            found.emplace_back();
            found.back().range = range;
        }
        return found;
    };
    const auto covered = [&](TokenRange window) {
        std::vector<TokenRange> ranges;
        const auto cover = find_window_cover(chain, window, segments);
        if (*cover) {
            for (const StoredBlock& segment : **cover) ranges.push_back(segment.range);
        }
        return ranges;
    };
    using Ranges = std::vector<TokenRange>;
    EXPECT_EQ(covered({40, 80}), (Ranges{{20, 60}, {60, 80}}));
    EXPECT_EQ(covered({10, 80}), Ranges{});
    EXPECT_EQ(covered({40, 90}), Ranges{});
    stored.push_back({5, 30});
    EXPECT_EQ(covered({10, 80}), (Ranges{{5, 30}, {30, 50}, {50, 60}, {60, 80}})) << "[20, 60) leads nowhere";
}

TEST(RowImage, TensorsFillTheImage) {
    const FakeEngine engine(windowed_engine());
    for (const Plane plane : {Plane::kAppend, Plane::kWindow}) {
        std::uint64_t bytes = 0;
        for (const TensorSpec& tensor : tensors_of(engine.kv_layout(), plane, 9)) {
            EXPECT_EQ(tensor.dtype, "F16");
            EXPECT_EQ(tensor.bytes, tensor.shape.at(0) * tensor.shape.at(1) * 2);
            bytes += tensor.bytes;
        }
        EXPECT_EQ(bytes, engine.kv_layout().row_bytes(plane) * 9);
    }
    KvLayout quantised = engine.kv_layout();
    quantised.append[0].key_type = "q8_0";
    quantised.append[0].value_row_bytes = 0;
    const auto tensors = tensors_of(quantised, Plane::kAppend, 9);
    ASSERT_EQ(tensors.size(), 3U);
    EXPECT_EQ(tensors[0].dtype, "U8");
    EXPECT_EQ(tensors[0].shape, (std::vector<std::uint64_t>{9, 16}));
    EXPECT_EQ(tensors[1].name, "layer_1.key");
}

ChatMessage said(Role role, const std::string& content) { return {role, content, {}, {}, {}, {}}; }

Result<Prompt> prompt_after(const Engine& engine, const Conversation& conversation,
                            const std::string& message) {
    const std::vector<ChatMessage> added = {said(Role::kUser, message)};
    return make_prompt(engine, conversation, added, Thinking::kDefault);
}

Conversation conversation_of(const std::string& rendered, Token last) {
    Conversation conversation;
    conversation.turns.resize(2);
    conversation.turns[1].number = 1;
    conversation.messages = {said(Role::kSystem, "S"), said(Role::kUser, "U"), said(Role::kAssistant, "A")};
    conversation.tokens = fake_tokenize(rendered, SpecialTokens::kParse);
    conversation.tokens.push_back(last);
    return conversation;
}

std::string text_of(const std::vector<Token>& tokens) {
    std::string text;
    for (const Token token : tokens) text += fake_piece(token, SpecialTokens::kParse);
    return text;
}

TEST(Prompts, ExtendTheStoredTokensWithoutRenderingThemAgain) {
    const FakeEngine engine(plain_engine());
    // Stored tokens that no rendering would give: they are kept as they are.
    const std::string stored =
        "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\n#";
    const std::string expected = stored + "<|im_end|>\n<|im_start|>user\nnew<|im_end|>\n";
    const auto stopped = prompt_after(engine, conversation_of(stored, kFakeImEnd), "new");
    ASSERT_TRUE(stopped);
    EXPECT_EQ(text_of(stopped->tokens), expected + "<|im_start|>assistant\n");
    EXPECT_EQ(stopped->message_end, fake_tokenize(expected, SpecialTokens::kParse).size());
    const auto cut = prompt_after(engine, conversation_of(stored.substr(0, stored.size() - 1), '#'), "new");
    ASSERT_TRUE(cut);
    EXPECT_EQ(cut->tokens, stopped->tokens);
}

TEST(Prompts, AMessageThatNamesTheSentinelIsNoTrouble) {
    const FakeEngine engine(plain_engine());
    const std::string stored = "<|im_start|>assistant\n#";
    const std::string message = "Kvasir7Answer and Kvasir7Answer0Z";
    const auto prompt = prompt_after(engine, conversation_of(stored, kFakeImEnd), message);
    ASSERT_TRUE(prompt);
    EXPECT_EQ(text_of(prompt->tokens),
              stored + "<|im_end|>\n<|im_start|>user\n" + message + "<|im_end|>\n<|im_start|>assistant\n");
}

TEST(Prompts, TheSystemPrefixEndsWhereMessagesBegin) {
    const FakeEngine engine(plain_engine());
    EXPECT_EQ(text_of(*system_prefix(engine, opening_of("S"), 0)),
              "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\n");
    EXPECT_EQ(text_of(*system_prefix(engine, opening_of(""), 0)), "<|im_start|>user\n");
}

}  // namespace
}  // namespace kvasir::test
