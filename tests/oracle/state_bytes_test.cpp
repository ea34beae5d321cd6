// What a turn of a recurrent or hybrid model writes as state: the arithmetic of docs/decisions/0039, checked
// on tiny models of five such families by what is written.
#include <cstdint>
#include <memory>
#include <string>

#include "oracle/stack.h"
#include <ggml.h>
#include <gguf.h>
#include <gtest/gtest.h>

namespace kvasir::test {
namespace {

// What the model file says of its recurrent layers.
class Parameters {
  public:
    explicit Parameters(const std::string& path)
        : file_(gguf_init_from_file(path.c_str(), {true, nullptr}), gguf_free) {}
    std::uint64_t number(const std::string& key) const {
        const std::string architecture =
            gguf_get_val_str(file_.get(), gguf_find_key(file_.get(), "general.architecture"));
        const std::int64_t id = gguf_find_key(file_.get(), (architecture + "." + key).c_str());
        return id < 0 ? 0 : gguf_get_val_u32(file_.get(), id);
    }

  private:
    std::unique_ptr<gguf_context, void (*)(gguf_context*)> file_;
};

// One layer keeps its last inputs of a convolution and a matrix, both F32.
std::uint64_t layer_state_bytes(const Parameters& model) {
    const std::uint64_t inner = model.number("ssm.inner_size");
    const std::uint64_t state = model.number("ssm.state_size");
    const std::uint64_t inputs =
        (model.number("ssm.conv_kernel") - 1) * (inner + 2 * model.number("ssm.group_count") * state);
    return sizeof(float) * (inputs + state * inner);
}

struct Recurrent {
    const char* model;
    bool every_layer;  // has a state, also where it has attention
};

void PrintTo(const Recurrent& recurrent, std::ostream* out) { *out << recurrent.model; }

class StateBytes : public testing::TestWithParam<Recurrent> {};

TEST_P(StateBytes, ATurnWritesTwoStatesOfTheSizeThatTheArithmeticSays) {
    const ScratchDirectory home;
    StackOptions options;
    options.model_path = KVASIR_TEST_MODELS_DIR "/" + std::string(GetParam().model) + ".gguf";
    options.agents_resident_max = 1;
    const auto stack = Stack::open(options, home.path());
    ASSERT_TRUE(stack) << stack.error().message;
    const KvLayout& layout = (*stack)->engine().kv_layout();
    const Parameters model(options.model_path);
    const std::uint64_t attention = GetParam().every_layer ? 0 : layout.append.size();
    const std::uint64_t state = (model.number("block_count") - attention) * layer_state_bytes(model);
    EXPECT_EQ(layout.snapshot_bytes(), state);
    AgentMemory& memory = (*stack)->memory();
    const auto made = memory.create("ada", "tester", "You answer in few words.");
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_EQ(made->save.snapshot_bytes_written, state) << "the end of the system prompt";
    for (const std::uint32_t tokens : {4U, 40U, 400U}) {
        MessageOptions message;
        message.answer_tokens_max = 4;
        const auto turn = memory.message("ada", std::string(tokens * 4, 'x'), message);
        ASSERT_TRUE(turn) << turn.error().message;
        EXPECT_EQ(turn->metrics.snapshot_bytes_written, 2 * state) << "whatever is said";
    }
    std::printf("%s: a state has %llu bytes\n", GetParam().model, static_cast<unsigned long long>(state));
}

INSTANTIATE_TEST_SUITE_P(Families, StateBytes,
                         testing::Values(Recurrent{"mamba-dense", false}, Recurrent{"mamba2-dense", false},
                                         Recurrent{"qwen35-dense", false}, Recurrent{"jamba-dense", false},
                                         Recurrent{"falcon-h1-dense", true}));

}  // namespace
}  // namespace kvasir::test
