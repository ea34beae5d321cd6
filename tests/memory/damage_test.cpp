// Stored KV that is damaged costs a prefill and never an answer. The controls show that the answers would
// differ.
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "memory/world.h"

namespace kvasir::test {
namespace {

class Damage : public MemoryTest {};
KVASIR_BOTH_MODELS(Damage);

class WindowDamage : public MemoryTest {};
KVASIR_WINDOWED_MODEL(WindowDamage);

void flip_byte(const std::string& path, std::uint64_t from_end) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    const auto position = static_cast<std::streamoff>(std::filesystem::file_size(path) - from_end);
    file.seekg(position);
    const char byte = static_cast<char>(file.get() ^ 0x40);
    file.seekp(position);
    file.put(byte);
}

void swap_files(const std::string& a, const std::string& b) {
    std::filesystem::rename(a, a + ".swap");
    std::filesystem::rename(b, a);
    std::filesystem::rename(a + ".swap", b);
}

struct Case {
    const char* name;
    std::function<void(const std::string& path, const std::string& other)> damage;
    bool quarantined;
};

std::vector<Case> cases() {
    return {
        {"flipped data", [](const auto& path, const auto&) { flip_byte(path, 5); }, true},
        {"flipped header",
         [](const auto& path, const auto&) { flip_byte(path, std::filesystem::file_size(path) - 20); }, true},
        {"truncated",
         [](const auto& path, const auto&) {
             std::filesystem::resize_file(path, std::filesystem::file_size(path) - 7);
         },
         true},
        {"empty", [](const auto& path, const auto&) { std::filesystem::resize_file(path, 0); }, true},
        {"missing", [](const auto& path, const auto&) { std::filesystem::remove(path); }, false},
        {"swapped", [](const auto& path, const auto& other) { swap_files(path, other); }, true}};
}

// Damages each file of agent ada in turn, in a world of its own.
void damage_each_file(const WorldOptions& options, BlockKind kind, const Case& one) {
    std::size_t files = 1;
    for (std::size_t i = 0; i < files; ++i) {
        World world(options);
        world.create("ada", words(280, 'a'));
        world.say("ada", words(60, 'a'));
        const auto own = world.block_files(kind);
        files = own.size();
        ASSERT_GT(files, 0U) << "nothing to damage";
        world.create("eve", words(280, 'e'));
        world.say("eve", words(60, 'e'));
        std::string other;
        for (const std::string& path : world.block_files(kind)) {
            const bool foreign = std::find(own.begin(), own.end(), path) == own.end();
            if (foreign && std::filesystem::file_size(path) == std::filesystem::file_size(own[i]))
                other = path;
        }
        if (other.empty()) other = own[(i + 1) % own.size()];
        one.damage(own[i], other);
        world.restart();
        const TurnResult turn = world.say("ada", "what did I say?");
        EXPECT_EQ(turn.durability, Durability::kTokensAndKv) << turn.warning;
        world.say("eve", "and you?");
        if (turn.metrics.not_reused_reason == "damaged") {
            EXPECT_NE(turn.warning, "");
            EXPECT_GE(world.quarantined().size(), one.quarantined ? 1U : 0U) << one.name;
        }
        world.restart();
        const TurnResult healed = world.say("ada", "healed?");
        EXPECT_EQ(healed.metrics.not_reused_reason, "") << one.name << ", file " << i;
        EXPECT_EQ(healed.warning, "");
        ASSERT_TRUE(world.memory().remove("ada"));
        ASSERT_TRUE(world.memory().remove("eve"));
        EXPECT_TRUE(world.quarantined().empty()) << "words of erased agents lie in quarantine";
    }
}

TEST_P(Damage, OfAppendBlocksCostsAPrefill) {
    for (const Case& one : cases()) damage_each_file(options(), BlockKind::kAppend, one);
}

TEST_P(WindowDamage, OfSegmentsCostsAPrefill) {
    for (const Case& one : cases()) damage_each_file(options(), BlockKind::kWindow, one);
}

TEST_P(Damage, IsToldByTheTurnAndQuarantined) {
    World world(options());
    world.create("ada", words(600));
    world.say("ada", "hello");
    for (const std::string& path : world.block_files(BlockKind::kAppend)) flip_byte(path, 3);
    world.restart();
    const TurnResult turn = world.say("ada", "what did I say?");
    EXPECT_EQ(turn.metrics.reused_tokens, 0U);
    EXPECT_EQ(turn.metrics.not_reused_reason, "damaged");
    EXPECT_NE(turn.warning.find("read again"), std::string::npos);
    EXPECT_GE(world.quarantined().size(), 1U);
}

TEST_P(Damage, ADiskThatCannotBeReadIsNoDamage) {
    World world(options());
    world.create("ada", words(600));
    world.say("ada", "hello");
    const auto files = world.block_files(BlockKind::kAppend);
    world.restart();
    world.disk().refuse_reads = Error{ErrorCode::kIo, "input/output error"};
    const TurnResult turn = world.say("ada", "what did I say?");
    EXPECT_EQ(turn.metrics.reused_tokens, 0U);
    EXPECT_TRUE(world.quarantined().empty());
    world.disk().refuse_reads.reset();
    world.restart();
    EXPECT_EQ(world.say("ada", "healed?").metrics.not_reused_reason, "");
}

// Controls: behind all verification one thing is broken, and the same check of answers sees it.
class SabotagedEngine : public ForwardingEngine {
  public:
    enum class What { kSwapBlock, kShiftRow, kForgetWindow, kFlipByte };

    SabotagedEngine(std::unique_ptr<Engine> inner, What what)
        : ForwardingEngine(std::move(inner)), what_(what) {}

    Status export_rows(SequenceId sequence, Plane plane, TokenRange range,
                       std::vector<std::byte>& image) override {
        KVASIR_TRY(ForwardingEngine::export_rows(sequence, plane, range, image));
        if (what_ == What::kForgetWindow && plane == Plane::kWindow)
            std::fill(image.begin(), image.end(), std::byte{0});
        return {};
    }
    Status import_rows(SequenceId sequence, Plane plane, TokenRange range,
                       std::span<const std::byte> image) override {
        std::vector<std::byte> changed(image.begin(), image.end());
        if (plane == Plane::kAppend && range.begin == 0) sabotage(changed);
        return ForwardingEngine::import_rows(sequence, plane, range, changed);
    }

  private:
    void sabotage(std::vector<std::byte>& image) {
        const std::vector<std::byte> own = image;
        if (what_ == What::kSwapBlock && former_.size() == image.size()) image = former_;
        if (what_ == What::kShiftRow) std::rotate(image.begin(), image.begin() + 16, image.end());
        if (what_ == What::kFlipByte) image.back() ^= std::byte{1};
        former_ = own;
    }

    What what_;
    std::vector<std::byte> former_;
};

bool answers_are_exact(WorldOptions options, std::optional<SabotagedEngine::What> what) {
    if (what) {
        options.decorate = [what](std::unique_ptr<Engine> engine) {
            return std::make_unique<SabotagedEngine>(std::move(engine), *what);
        };
    }
    World world(options);
    world.create("ada", words(300, 'a'));
    world.create("eve", words(300, 'e'));
    world.restart();
    bool exact = true;
    for (const char* agent : {"ada", "eve"}) {
        const TurnResult turn = world.say_unchecked(agent, "who are you?");
        exact = exact && turn.text == world.exact().answer(world.engine().fake(), agent, "who are you?", 12);
    }
    return exact;
}

TEST_P(Damage, ControlsAreSeen) {
    using What = SabotagedEngine::What;
    EXPECT_TRUE(answers_are_exact(options(), std::nullopt));
    EXPECT_FALSE(answers_are_exact(options(), What::kSwapBlock));
    EXPECT_FALSE(answers_are_exact(options(), What::kShiftRow));
    EXPECT_FALSE(answers_are_exact(options(), What::kFlipByte));
    EXPECT_EQ(answers_are_exact(options(), What::kForgetWindow), !windowed());
}

}  // namespace
}  // namespace kvasir::test
