// Files that are no export of ours, or of another model: refused with a sentence, or read without their KV.
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "memory/import_file.h"
#include "memory/transferring.h"
#include "memory/world.h"

namespace kvasir::test {
namespace {

using testing::HasSubstr;

WorldOptions options_of(const std::string& family) {
    WorldOptions options;
    options.engine = engine_of_family(family);
    return options;
}

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

// The same file with another header; what it says of MACs is wrong then.
std::string with_header(const std::string& file, const AgentFileHeader& header) {
    const auto bytes = encode_agent_header(header);
    EXPECT_TRUE(bytes);
    return std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size()) +
           file.substr(data_begin(file));
}

TEST(TransferRefusals, HeadersThatLieAreRefusedWithASentence) {
    World world(options_of("hybrid_windowed"));
    talk(world);
    const auto file = export_bytes(world.memory(), "ada");
    ASSERT_TRUE(file);
    const AgentFileHeader good = header_of(*file);
    const auto refused = [&](const char* what, const std::function<void(AgentFileHeader&)>& change) {
        AgentFileHeader header = good;
        change(header);
        const auto report = import_bytes(world.memory(), with_header(*file, header), {"eve"});
        ASSERT_FALSE(report) << what;
        EXPECT_EQ(report.error().code, ErrorCode::kInvalidArgument) << what << ": " << report.error().message;
    };
    refused("more tokens with KV", [](AgentFileHeader& header) { header.cache_tokens = 4'000'000'000U; });
    refused("one token more with KV", [](AgentFileHeader& header) { ++header.cache_tokens; });
    refused("a window beyond it", [](AgentFileHeader& header) {
        header.windows.push_back({header.cache_tokens, header.cache_tokens + 1});
    });
    refused("a state more",
            [](AgentFileHeader& header) { header.snapshots.insert(header.snapshots.begin(), 1); });
    refused("no turns", [](AgentFileHeader& header) { header.turns.clear(); });
    refused("a turn that begins later", [](AgentFileHeader& header) { header.turns[1].token_begin += 1; });
    refused("a turn that takes the next one's tokens", [](AgentFileHeader& header) {
        ++header.turns[1].token_count;
        --header.turns[2].token_count;
    });
    refused("more prompt than tokens",
            [](AgentFileHeader& header) { header.turns[2].prompt_token_count = 100'000; });
    refused("messages that are none", [](AgentFileHeader& header) { header.turns[1].messages = "[1]"; });
    refused("another identity", [](AgentFileHeader& header) { header.kv_fields.front().second += "x"; });
    refused("a tensor of another layer",
            [](AgentFileHeader& header) { header.tensors[2].name = "layer_77/key"; });
    refused("a tensor of another type", [](AgentFileHeader& header) { header.tensors[2].dtype = "BF16"; });
    refused("a type too long", [](AgentFileHeader& header) { header.agent_type.assign(300, 'x'); });
    const auto named = import_bytes(world.memory(), *file, {"../eve"});
    ASSERT_FALSE(named);
    EXPECT_EQ(named.error().code, ErrorCode::kInvalidArgument);
    const auto taken = import_bytes(world.memory(), *file);
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().code, ErrorCode::kConflict);
    AgentFileHeader same = good;
    EXPECT_TRUE(import_bytes(world.memory(), with_header(*file, same), {"eve"})) << "the control";
}

TEST(TransferRefusals, AnotherModelIsToldAndOtherSettingsReadAgain) {
    World world(options_of("plain"));
    talk(world);
    const auto file = export_bytes(world.memory(), "ada");
    ASSERT_TRUE(file);
    FakeEngineOptions other = engine_of_family("plain");
    other.kv_type = "q8_0";
    world.restart(other);
    const auto report = import_bytes(world.memory(), *file, {"bob", TrustKv::kYes});
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_THAT(report->kv_refused, HasSubstr("q8_0"));
    EXPECT_EQ(report->tokens_to_read, report->tokens - 1);
    world.exact().copy("bob", world.exact(), "ada");
    world.say("bob", "third");
    other = engine_of_family("plain");
    other.weights = "others";
    world.restart(other);
    const auto refused = import_bytes(world.memory(), *file, {"carl", TrustKv::kYes});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kModelUnusable);
}

TEST(TransferRefusals, AFullDiskImportsTheTokensAlone) {
    World world(options_of("plain"));
    talk(world);
    const auto file = export_bytes(world.memory(), "ada");
    ASSERT_TRUE(file);
    ASSERT_TRUE(world.memory().remove("ada"));
    world.disk().refuse_writes = Error{ErrorCode::kNoSpace, "full"};
    const auto report = import_bytes(world.memory(), *file);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_THAT(report->kv_refused, HasSubstr("full"));
    EXPECT_EQ(report->kv_tokens, 0U);
    world.disk().refuse_writes.reset();
    world.say("ada", "third");
}

// A file that an earlier program wrote, which is also what the fuzzer begins with. Made anew with
// KVASIR_WRITE_IMPORT_SEED=FILE when the fake engine is another one, or the format.
TEST(Transfer, AFileOfAnEarlierProgramIsRead) {
    WorldOptions options;
    options.engine.window_tokens = 8;
    options.engine.snapshot = SnapshotForm::kParts;
    World world(options);
    if (const char* path = std::getenv("KVASIR_WRITE_IMPORT_SEED")) {
        world.create("ada", "You are Ada.");
        world.say("ada", "hi", 2);
        const auto file = export_bytes(world.memory(), "ada");
        ASSERT_TRUE(file) << file.error().message;
        std::ofstream(path, std::ios::binary) << *file;
        ASSERT_TRUE(world.memory().remove("ada"));
    } else {
        world.exact().create("ada", "You are Ada.");
        world.exact().answer(world.engine().fake(), "ada", "hi", 2);
    }
    std::ifstream in(KVASIR_SOURCE_DIR "/tests/fuzz/corpus/import_file/agent", std::ios::binary);
    const std::string file((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    const auto foreign = import_bytes(world.memory(), file, {"", TrustKv::kNo, DryRun::kYes});
    ASSERT_TRUE(foreign) << foreign.error().message;
    EXPECT_NE(foreign->kv_refused, "");
    const auto report = import_bytes(world.memory(), file, {"", TrustKv::kYes});
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->kv_refused, "");
    EXPECT_EQ(world.say("ada", "more").metrics.reused_tokens, report->tokens - 1);
}

}  // namespace
}  // namespace kvasir::test
