// remember STORE MODEL "message": one message to an agent that still knows what it was told the last time.
#include <cstdio>

#include <kvasir/kvasir.h>

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: remember STORE MODEL \"message\"\n");
        return 2;
    }
    auto memory = kvasir::v1::Memory::open({argv[1], argv[2]});
    if (!memory) {
        std::fprintf(stderr, "%s\n", memory.failure().message.c_str());
        return 1;
    }
    if (!memory->show("ada")) {
        const auto created =
            memory->create("ada", "You are Ada. You answer briefly and remember what you are told.");
        if (!created) {
            std::fprintf(stderr, "%s\n", created.failure().message.c_str());
            return 1;
        }
    }
    const auto answer = memory->message("ada", argv[3]);
    if (!answer) {
        std::fprintf(stderr, "%s\n", answer.failure().message.c_str());
        return 1;
    }
    std::printf("%s\n", answer->text.c_str());
    std::fprintf(stderr, "turn %u: %u of %u prompt tokens were not read again (%s)\n", answer->turn,
                 answer->reused_tokens, answer->prompt_tokens, answer->source.c_str());
    return answer->kv_durable ? 0 : 1;
}
