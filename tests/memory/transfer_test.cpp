// An agent goes out as a file and comes in from one: the conversation is exactly what it was, its KV is used
// when this store wrote it or the user says so, and no file of whatever content makes an agent say something
// else.
#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "memory/import_file.h"
#include "memory/sending_client.h"
#include "memory/transferring.h"
#include "memory/world.h"

namespace kvasir::test {
namespace {

WorldOptions options_of(const std::string& family) {
    WorldOptions options;
    options.engine = engine_of_family(family);
    return options;
}

class Transfers : public testing::TestWithParam<const char*> {
  protected:
    WorldOptions options() const { return options_of(GetParam()); }
    bool opaque() const { return std::string(GetParam()) == "opaque"; }
};
KVASIR_ALL_FAMILIES(Transfers);

// Ada has said something that takes more than a block.
void talk(World& world) {
    world.create("ada", "You are Ada. " + words(150));
    world.say("ada", "first " + words(200));
    world.say("ada", "second");
}

AgentFileHeader header_of(const std::string& file) {
    const auto header = read_agent_header(*make_byte_source(file));
    EXPECT_TRUE(header) << header.error().message;
    return header.value_or(AgentFileHeader());
}

TEST_P(Transfers, ComesBackAsItWasAndReadsNothingAgain) {
    World world(options());
    talk(world);
    const auto file = export_bytes(world.memory(), "ada");
    ASSERT_TRUE(file) << file.error().message;
    const auto before = world.memory().turns("ada");
    world.restart();
    const auto report = import_bytes(world.memory(), *file, {"bob"});
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->agent, "bob");
    EXPECT_EQ(report->turns, 2U);
    EXPECT_EQ(report->kv_refused, "");
    EXPECT_EQ(report->tokens_to_read, 0U);
    EXPECT_EQ(report->kv_bytes_written, 0U) << "it is all there, under the same names";
    const auto after = world.memory().turns("bob");
    ASSERT_EQ(after->size(), before->size());
    for (std::size_t i = 0; i < after->size(); ++i) {
        EXPECT_EQ((*after)[i].user_text, (*before)[i].user_text);
        EXPECT_EQ((*after)[i].tokens, (*before)[i].tokens);
        EXPECT_EQ((*after)[i].token_begin, (*before)[i].token_begin);
        EXPECT_EQ((*after)[i].conversation_key, (*before)[i].conversation_key);
        EXPECT_EQ((*after)[i].created_unix_ms, (*before)[i].created_unix_ms);
    }
    EXPECT_EQ(world.memory().show("bob")->created_unix_ms, world.memory().show("ada")->created_unix_ms);
    EXPECT_EQ(world.memory().show("bob")->system_prompt, world.memory().show("ada")->system_prompt);
    world.exact().copy("bob", world.exact(), "ada");
    const TurnResult turn = world.say("bob", "third");
    EXPECT_EQ(turn.metrics.reused_tokens, report->tokens - 1);
    EXPECT_EQ(turn.metrics.source, ReuseSource::kDisk);
    world.say("ada", "another third");
    EXPECT_TRUE(world.store().catalog().check());
}

TEST_P(Transfers, ItsKvComesBackWhenTheStoreHasForgottenIt) {
    World world(options());
    talk(world);
    const auto file = export_bytes(world.memory(), "ada");
    ASSERT_TRUE(file);
    ASSERT_TRUE(world.memory().remove("ada"));
    ASSERT_TRUE(world.block_files(BlockKind::kAppend).empty());
    const auto dry = import_bytes(world.memory(), *file, {"", TrustKv::kNo, DryRun::kYes});
    ASSERT_TRUE(dry) << dry.error().message;
    EXPECT_EQ(dry->tokens_to_read, 0U);
    EXPECT_TRUE(dry->dry_run);
    EXPECT_FALSE(world.memory().show("ada")) << "nothing is changed";
    EXPECT_TRUE(world.block_files(BlockKind::kAppend).empty());
    const auto report = import_bytes(world.memory(), *file);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->kv_refused, "");
    EXPECT_GT(report->kv_bytes_written, 0U);
    const TurnResult turn = world.say("ada", "third");
    EXPECT_EQ(turn.metrics.reused_tokens, report->tokens - 1);
    // Exported again it is the same conversation with the same KV.
    const auto again = export_bytes(world.memory(), "ada");
    ASSERT_TRUE(again);
    EXPECT_GT(again->size(), file->size());
}

TEST_P(Transfers, AnotherStoreReadsTheTokensAgainUnlessItIsToldToTrust) {
    World from(options());
    talk(from);
    const auto file = export_bytes(from.memory(), "ada");
    ASSERT_TRUE(file);
    for (const TrustKv trust : {TrustKv::kNo, TrustKv::kYes}) {
        World to(options());
        to.exact() = from.exact();
        for (const DryRun dry_run : {DryRun::kYes, DryRun::kNo}) {
            const auto report = import_bytes(to.memory(), *file, {"", trust, dry_run});
            ASSERT_TRUE(report) << report.error().message;
            const bool used = trust == TrustKv::kYes && !opaque();
            EXPECT_EQ(report->kv_refused.empty(), used) << report->kv_refused;
            EXPECT_EQ(report->tokens_to_read, used ? 0U : report->tokens - 1);
            EXPECT_EQ(report->kv_tokens > 0, used);
            if (!used) {
                EXPECT_TRUE(to.block_files(BlockKind::kAppend).empty()) << "nothing of it is left";
                EXPECT_TRUE(to.block_files(BlockKind::kSnapshot).empty());
            }
        }
        const bool used = trust == TrustKv::kYes && !opaque();
        EXPECT_EQ(to.say("ada", "third").metrics.reused_tokens > 0, used);
        to.restart();
        EXPECT_GT(to.say("ada", "fourth").metrics.reused_tokens, 0U);
    }
}

TEST_P(Transfers, AClientThatSendsItsConversationIsFoundAgain) {
    World world(options());
    Client client(world, "phone", "You are a client. " + words(100));
    client.say("first");
    client.say("second");
    const auto file = export_bytes(world.memory(), "phone");
    ASSERT_TRUE(file);
    ASSERT_TRUE(world.memory().remove("phone"));
    ASSERT_TRUE(import_bytes(world.memory(), *file));
    const TurnResult turn = client.say("third");
    EXPECT_EQ(turn.turn, 3U);
    EXPECT_GT(turn.metrics.reused_tokens, turn.metrics.evaluated_tokens);
    // Saying the last message otherwise does not read everything either.
    client.messages().resize(client.messages().size() - 2);
    auto request = client.request("another third");
    const auto other = drive(world, std::move(request));
    ASSERT_TRUE(other);
    EXPECT_GT(other->metrics.reused_tokens, other->metrics.evaluated_tokens);
}

TEST_P(Transfers, TurnsMayGoOnWhileItIsExported) {
    World world(options());
    talk(world);
    const auto whole = export_bytes(world.memory(), "ada");
    auto run = world.memory().begin_export("ada");
    ASSERT_TRUE(run);
    std::string file;
    std::vector<std::byte> bytes;
    for (int step = 0; !(*run)->done(); ++step) {
        const Status made = (*run)->step(bytes);
        ASSERT_TRUE(made) << made.error().message;
        EXPECT_TRUE(step == 0 || bytes.size() <= kAgentFilePieceBytes);
        file.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        if (step == 1) world.say("ada", "third, which takes the place of the last block");
        if (step == 2) world.memory().save_all();
    }
    EXPECT_EQ(file.substr(data_begin(file)).size(), whole->substr(data_begin(*whole)).size());
    run->reset();
    world.store().look_after();
    const auto report = import_bytes(world.memory(), file, {"bob"});
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->kv_refused, "");
    EXPECT_EQ(report->turns, 2U);
    ASSERT_TRUE(world.memory().remove("ada"));
    ASSERT_TRUE(world.memory().remove("bob"));
    for (const BlockKindInfo& kind : kBlockKinds) EXPECT_TRUE(world.block_files(kind.kind).empty());
}

TEST_P(Transfers, ErasingItMeanwhileLeavesNothingAndEndsTheExport) {
    World world(options());
    talk(world);
    auto run = world.memory().begin_export("ada");
    ASSERT_TRUE(run);
    std::vector<std::byte> bytes;
    ASSERT_TRUE((*run)->step(bytes));
    world.say("ada", "third");
    ASSERT_TRUE(world.memory().remove("ada"));
    for (const BlockKindInfo& kind : kBlockKinds) EXPECT_TRUE(world.block_files(kind.kind).empty());
    Status step;
    while (step && !(*run)->done()) step = (*run)->step(bytes);
    EXPECT_FALSE(step);
}

// Every byte of the data, one after the other in small files, some in large ones: never believed.
TEST_P(Transfers, AChangedFileIsNeverBelieved) {
    World world(options());
    world.create("ada", "You are Ada.");
    world.say("ada", "first", 3);
    const auto file = export_bytes(world.memory(), "ada");
    ASSERT_TRUE(file);
    ASSERT_TRUE(world.memory().remove("ada"));
    const std::size_t begin = data_begin(*file);
    std::mt19937 random(7);
    std::size_t refused = 0;
    std::size_t read_again = 0;
    for (int i = 0; i < 600; ++i) {
        std::string changed = *file;
        const std::size_t at = begin + random() % (file->size() - begin);
        changed[at] = static_cast<char>(changed[at] ^ (1 << (random() % 8)));
        const auto report = import_bytes(world.memory(), changed, {"", TrustKv::kNo, DryRun::kYes});
        if (report) {
            EXPECT_NE(report->kv_refused, "") << "byte " << at << " of " << file->size();
            ++read_again;
        } else {
            EXPECT_EQ(report.error().code, ErrorCode::kInvalidArgument);
            ++refused;
        }
    }
    EXPECT_GT(refused, 0U) << "tokens";
    EXPECT_GT(read_again, 0U) << "KV";
    const auto good = import_bytes(world.memory(), *file);
    ASSERT_TRUE(good);
    EXPECT_EQ(good->kv_refused, "") << "the control: the file itself is believed";
    world.say("ada", "second");
}

TEST_P(Transfers, ATruncatedOrLongerFileIsRefused) {
    World world(options());
    talk(world);
    const auto file = export_bytes(world.memory(), "ada");
    ASSERT_TRUE(file);
    for (std::size_t size : {std::size_t{0}, std::size_t{7}, std::size_t{8}, data_begin(*file) - 1,
                             data_begin(*file), file->size() - 1}) {
        const auto report = import_bytes(world.memory(), file->substr(0, size), {"bob"});
        ASSERT_FALSE(report) << size;
        EXPECT_EQ(report.error().code, ErrorCode::kInvalidArgument);
    }
    EXPECT_FALSE(import_bytes(world.memory(), *file + "x", {"bob"}));
    EXPECT_FALSE(world.memory().show("bob"));
}

// Rows of one conversation under the words of another, which only the MACs tell from good ones.
TEST_P(Transfers, RowsOfAnotherConversationAreNotTaken) {
    World world(options());
    world.create("ada", "You are Ada.");
    world.create("bob", "You are Bob.");
    world.say("ada", "first", 1);
    world.say("bob", "other", 1);
    const auto ada = export_bytes(world.memory(), "ada");
    const auto bob = export_bytes(world.memory(), "bob");
    ASSERT_TRUE(ada && bob);
    const AgentFileHeader header = header_of(*ada);
    if (header.data_bytes() != header_of(*bob).data_bytes()) GTEST_SKIP() << "answers of other lengths";
    ASSERT_TRUE(world.memory().remove("ada"));
    ASSERT_TRUE(world.memory().remove("bob"));
    const auto tokens = find_tensor(header, kAgentFileTurnTokens);
    const std::size_t kept = data_begin(*ada) + tokens->offset + tokens->bytes;
    const std::string swapped = ada->substr(0, kept) + bob->substr(bob->size() - (ada->size() - kept));
    const auto report = import_bytes(world.memory(), swapped, {"eve"});
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_NE(report->kv_refused, "");
    world.exact().copy("eve", world.exact(), "ada");
    EXPECT_EQ(world.say("eve", "second").metrics.reused_tokens, 0U);
}

// The positive control: what MACs are for. A trusted file with other rows makes the agent say something else.
TEST(TransferControl, ATrustedFileWithOtherRowsIsBelieved) {
    World world(options_of("plain"));
    world.create("ada", "You are Ada.");
    world.say("ada", "first");
    auto file = export_bytes(world.memory(), "ada");
    ASSERT_TRUE(file);
    ASSERT_TRUE(world.memory().remove("ada"));
    const auto key = find_tensor(header_of(*file), "layer_0/key");
    ASSERT_TRUE(key);
    (*file)[data_begin(*file) + key->offset + 20] ^= 1;
    const auto report = import_bytes(world.memory(), *file, {"", TrustKv::kYes});
    ASSERT_TRUE(report);
    EXPECT_EQ(report->kv_refused, "");
    const ExactAgents before = world.exact();
    const TurnResult turn = world.say_unchecked("ada", "second");
    EXPECT_GT(turn.metrics.reused_tokens, 0U);
    EXPECT_NE(turn.text, world.exact().answer(world.engine().fake(), "ada", "second", 12));
}

TEST(Transfer, AnAgentWithoutWordsGoesAsWell) {
    World world(options_of("windowed"));
    world.create("ada", "You are Ada.");
    const auto file = export_bytes(world.memory(), "ada");
    ASSERT_TRUE(file) << file.error().message;
    const auto report = import_bytes(world.memory(), *file, {"bob"});
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->turns, 0U);
    world.exact().copy("bob", world.exact(), "ada");
    EXPECT_GT(world.say("bob", "first").metrics.reused_tokens, 0U);
}

}  // namespace
}  // namespace kvasir::test
