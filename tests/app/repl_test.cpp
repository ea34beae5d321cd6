// `kvasir chat` on a terminal: the real program behind a pseudo-terminal.
#include <chrono>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "app/on_terminal.h"
#include "app/program.h"

namespace kvasir::test {
namespace {

TEST(Repl, TalksListsEvictsLoadsAndLeavesOnControlD) {
    const Home home;
    OnTerminal chat({"chat", "vera", "--create", "--system",
                     "You are Vera, a technical specialist. Answer briefly.", "--home", home.path(),
                     "--disk-free-min", "1"});
    ASSERT_TRUE(chat.shows("vera remembers 0 turns")) << chat.shown();
    ASSERT_TRUE(chat.shows("> "));
    chat.type("/zoë\n");  // text beyond ASCII reaches the program, and the screen
    ASSERT_TRUE(chat.shows("/zoë")) << chat.shown();
    ASSERT_TRUE(chat.shows(R"('/zo\xc3\xab': no such command)")) << chat.shown();
    chat.type("Remember that the owner of the archive is Nora.\n");
    ASSERT_TRUE(chat.shows("Nora.\r\n")) << chat.shown();  // the echo
    ASSERT_TRUE(chat.shows("Nora")) << chat.shown();       // the answer
    chat.type("/evict\n");
    ASSERT_TRUE(chat.shows("evicted:")) << chat.shown();
    chat.type("/agents\n");
    ASSERT_TRUE(chat.shows("stored")) << chat.shown();
    chat.type("/load\n");
    ASSERT_TRUE(chat.shows("(disk)")) << chat.shown();
    chat.type("/save\n");
    ASSERT_TRUE(chat.shows("saved:")) << chat.shown();
    chat.type("/memory\n");
    ASSERT_TRUE(chat.shows("KV pool")) << chat.shown();
    chat.type("/no-such\n");
    ASSERT_TRUE(chat.shows("no such command")) << chat.shown();
    chat.type("\x04");  // at any moment: before, between or after the next prompt
    ASSERT_TRUE(chat.shows("it will remember")) << chat.shown();
    EXPECT_EQ(chat.exit_code(), 0);
    const Outcome asked = home.run({"chat", "vera", "What is the owner of the archive?"});
    EXPECT_NE(asked.out.find("Nora"), std::string::npos) << asked.out;
}

TEST(Repl, ControlCDropsTheLineOrStopsTheAnswerAndTheConversationGoesOn) {
    const Home home;
    // A model of random weights talks on and on: something to stop.
    OnTerminal chat({"chat", "babbler", "--create", "--system", "x", "--home", home.path(), "--disk-free-min",
                     "1", "--model", KVASIR_TEST_MODELS_DIR "/llama-dense.gguf", "--ctx-size", "8000",
                     "--max-tokens", "7000", "-t", "1"});
    ASSERT_TRUE(chat.shows("> ")) << chat.shown();
    chat.type("dropped");
    ASSERT_TRUE(chat.shows("dropped"));
    chat.type("\x03");
    ASSERT_TRUE(chat.shows("> ")) << chat.shown();
    chat.type("hello\n");
    ASSERT_TRUE(chat.shows("hello\r\n")) << chat.shown();
    // The model talks for much longer than this; one Ctrl-C may come before it begins.
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    bool stopped = false;
    for (int presses = 0; presses < 10 && !stopped; ++presses) {
        chat.type("\x03");
        stopped = chat.shows("> ", 2'000);
    }
    ASSERT_TRUE(stopped) << chat.shown();
    chat.type("/quit\n");
    EXPECT_EQ(chat.exit_code(), 0);
    const Outcome shown = home.run({"agents", "show", "babbler", "--json"});
    EXPECT_NE(shown.out.find("\"turns\":1"), std::string::npos)
        << "the stopped answer is part of the conversation: " << shown.out;
}

}  // namespace
}  // namespace kvasir::test
