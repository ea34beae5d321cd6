// branches STORE MODEL: one beginning, two ways on, and back again. No KV is copied.
#include <cstdio>
#include <string>

#include <kvasir/kvasir.h>

namespace {

using kvasir::v1::Memory;

bool say(Memory& memory, const std::string& name, const std::string& text) {
    const auto answer = memory.message(name, text);
    if (!answer) {
        std::fprintf(stderr, "%s\n", answer.failure().message.c_str());
        return false;
    }
    std::printf("%s, turn %u: %s\n", name.c_str(), answer->turn, answer->text.c_str());
    return true;
}

bool run(Memory& memory) {
    if (!memory.create("plan", "You are a technical specialist. You answer briefly.")) return false;
    if (!say(memory, "plan", "Remember that the owner of the archive is Nora.")) return false;
    if (!memory.fork("plan", "plan-b")) return false;
    if (!say(memory, "plan", "Remember that the color of the door is red.")) return false;
    if (!say(memory, "plan-b", "What is the owner of the archive?")) return false;
    if (!memory.roll_back("plan", 1)) return false;
    if (!say(memory, "plan", "What is the owner of the archive?")) return false;
    const auto agents = memory.list();
    if (!agents || agents->size() != 2) return false;
    for (const auto& agent : *agents)
        std::printf("%s: %u turns, %u tokens, %u with KV\n", agent.name.c_str(), agent.turns, agent.tokens,
                    agent.cached_tokens);
    const auto removed = memory.remove("plan-b");
    return removed && removed->turns_removed == 2 && !memory.show("plan-b");
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: branches STORE MODEL\n");
        return 2;
    }
    auto memory = Memory::open({argv[1], argv[2]});
    if (!memory) {
        std::fprintf(stderr, "%s\n", memory.failure().message.c_str());
        return 1;
    }
    return run(*memory) ? 0 : 1;
}
