// kill -9 at any moment of a process that serves many agents, most of them inside a write of a save or a
// commit: where it died is known from memory that it shares with its parent. An oracle outside the store
// holds what was acknowledged.
#include <atomic>
#include <csignal>
#include <iostream>
#include <map>
#include <random>
#include <set>

#include "durable/node.h"
#include "durable/power.h"
#include "durable/script.h"
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace kvasir::test {
namespace {

constexpr std::uint32_t kAgents = 8;
constexpr std::uint32_t kTurnsOfOneAgent = 14;  // then another one takes its number

enum class Place : std::uint32_t { kElsewhere, kCommit, kSave };
enum class Acknowledge { kAfterTheTurn, kBeforeTheTurn };

// Of parent and child.
struct SharedPlace {
    std::atomic<std::uint32_t> place{0};
    // Where the child waits for its end: at so many visits from now of that place.
    std::atomic<std::uint32_t> wanted{0};
    std::atomic<std::uint32_t> visits_left{0};
    std::atomic<std::uint32_t> arrived{0};
};

SharedPlace& shared_place() {
    static SharedPlace* place = [] {
        void* memory =
            ::mmap(nullptr, sizeof(SharedPlace), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        return new (memory) SharedPlace();
    }();
    return *place;
}

void set_place(Place place) { shared_place().place.store(static_cast<std::uint32_t>(place)); }
Place place() { return static_cast<Place>(shared_place().place.load()); }

// Right before and right after a call that writes.
void visit(Place where) {
    SharedPlace& shared = shared_place();
    if (shared.wanted.load() != static_cast<std::uint32_t>(where)) return;
    if (shared.visits_left.fetch_sub(1) != 1) return;
    shared.arrived.store(1);
    while (true) ::pause();
}

class At {
  public:
    explicit At(Place where) : where_(where) {
        set_place(where);
        visit(where);
    }
    ~At() {
        visit(where_);
        set_place(Place::kElsewhere);
    }
    At(const At&) = delete;
    At& operator=(const At&) = delete;

  private:
    Place where_;
};

// The real file system; while it writes KV, the parent can see it.
class SeenFileSystem final : public FileSystem {
  public:
    Status write_new_synced(const std::string& path,
                            std::span<const std::span<const std::byte>> parts) override {
        const At at(Place::kSave);
        return below_->write_new_synced(path, parts);
    }
    Status rename(const std::string& from, const std::string& to) override {
        const At at(Place::kSave);
        return below_->rename(from, to);
    }
    Status sync_directory(const std::string& path) override {
        const At at(Place::kSave);
        return below_->sync_directory(path);
    }
    Status remove(const std::string& path) override {
        const At at(Place::kSave);
        return below_->remove(path);
    }
    Status read_at(const std::string& path, std::uint64_t offset, std::span<std::byte> out) override {
        return below_->read_at(path, offset, out);
    }
    Result<std::uint64_t> file_size(const std::string& path) override { return below_->file_size(path); }
    Result<std::vector<FileInfo>> list(const std::string& path) override { return below_->list(path); }
    Status make_directories(const std::string& path) override { return below_->make_directories(path); }
    Result<std::uint64_t> free_bytes(const std::string& path) override { return below_->free_bytes(path); }
    Result<std::unique_ptr<FileLock>> lock(const std::string& path) override { return below_->lock(path); }

  private:
    std::unique_ptr<FileSystem> below_ = make_posix_file_system();
};

std::uint32_t pick(std::mt19937& random, std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); }

struct Message {
    std::uint32_t agent = 0;
    std::uint32_t number = 0;  // of the agent's messages, from 1
    std::uint32_t acknowledged = 0;
};

std::string name_of(std::uint32_t agent) { return "agent-" + std::to_string(agent); }
std::string text_of(const Message& message) {
    return "message " + std::to_string(message.number) + " " +
           long_text(20 + message.number * 37 % 220, static_cast<char>('a' + message.agent % 20));
}

NodeOptions options_on(const std::string& root) {
    NodeOptions options;
    options.root = root;
    options.engine = durable_engine(true);
    return options;
}

// What was acknowledged: outside of the store.
using Oracle = std::map<std::uint32_t, std::uint32_t>;  // agent: its messages

[[noreturn]] void talk_until_killed(const std::string& root, Oracle said, int reports, Acknowledge when,
                                    std::uint32_t seed) {
    SeenFileSystem files;
    FaultVfs vfs;
    vfs.on_call([](bool begins) {
        if (begins) set_place(Place::kCommit);
        visit(Place::kCommit);
        if (!begins) set_place(Place::kElsewhere);
    });
    NodeOptions options = options_on(root);
    options.files = &files;
    options.sqlite_vfs = vfs.name();
    auto node = Node::open(options);
    if (!node) ::_exit(9);
    std::mt19937 random(seed);
    while (true) {
        const std::uint32_t first = said.empty() ? 0 : said.rbegin()->first / kAgents * kAgents;
        Message message{first + pick(random, kAgents), 0, 0};
        if (said[message.agent] >= kTurnsOfOneAgent) message.agent += kAgents;
        message.number = said[message.agent] + 1;
        const auto tell = [&](std::uint32_t acknowledged) {
            message.acknowledged = acknowledged;
            if (::write(reports, &message, sizeof message) != sizeof message) ::_exit(7);
        };
        tell(0);
        if (message.number == 1 && !(*node)->memory().show(name_of(message.agent)) &&
            !(*node)->memory().create(name_of(message.agent), "t", long_text(90, 's')))
            ::_exit(8);
        if (when == Acknowledge::kBeforeTheTurn) tell(1);
        if (!(*node)->say(name_of(message.agent), text_of(message))) ::_exit(6);
        if (when == Acknowledge::kAfterTheTurn) tell(1);
        said[message.agent] = message.number;
    }
}

struct KillCounts {
    std::uint32_t kills = 0;
    std::uint32_t in_save = 0;
    std::uint32_t in_commit = 0;
    std::uint64_t acknowledged = 0;
    std::uint64_t lost = 0;
    std::uint64_t unreadable = 0;
    std::uint64_t wrong_answers = 0;
    std::uint64_t restored = 0;  // agents that came back with their KV after a kill
    std::string first;
};

class KillLoop {
  public:
    KillLoop(Acknowledge when, std::uint32_t seed) : when_(when), random_(seed) {
        EXPECT_TRUE(Node::open(options_on(root_)));
    }

    KillCounts run(std::uint32_t kills) {
        while (counts_.kills < kills) {
            kill_one();
            compare();
            if (testing::Test::HasFatalFailure()) break;
        }
        return counts_;
    }

  private:
    void kill_one() {
        int ends[2];
        ASSERT_EQ(::pipe(ends), 0);
        set_place(Place::kElsewhere);
        shared_place().wanted.store(0);
        shared_place().arrived.store(0);
        const pid_t child = ::fork();
        if (child == 0) {
            ::close(ends[0]);
            talk_until_killed(root_, oracle_, ends[1], when_, static_cast<std::uint32_t>(random_()));
        }
        ::close(ends[1]);
        touched_.clear();
        for (std::uint32_t turns = 1 + pick(random_, 6); turns > 0;) {
            Message message;
            if (::read(ends[0], &message, sizeof message) != sizeof message) break;
            note(message);
            turns -= message.acknowledged;
        }
        wait_for_the_moment();
        ::kill(child, SIGKILL);
        int status = 0;
        ::waitpid(child, &status, 0);
        ASSERT_TRUE(WIFSIGNALED(status)) << "it ended by itself with " << WEXITSTATUS(status);
        ++counts_.kills;
        if (place() == Place::kSave) ++counts_.in_save;
        if (place() == Place::kCommit) ++counts_.in_commit;
        for (Message message; ::read(ends[0], &message, sizeof message) == sizeof message;) note(message);
        ::close(ends[0]);
    }

    void note(const Message& message) {
        touched_.insert(message.agent);
        std::uint32_t& said = oracle_[message.agent];  // 0 until the first is acknowledged
        if (message.acknowledged == 0) return;
        said = message.number;
        ++counts_.acknowledged;
    }

    // Of four kills one comes at any time, and three right before or after a call that writes.
    void wait_for_the_moment() {
        const std::uint32_t kind = pick(random_, 4);
        if (kind == 0) {
            ::usleep(pick(random_, 4000));
            return;
        }
        SharedPlace& shared = shared_place();
        shared.visits_left.store(1 + pick(random_, 40));
        shared.wanted.store(static_cast<std::uint32_t>(kind == 1 ? Place::kCommit : Place::kSave));
        for (int ms = 0; ms < 5'000 && shared.arrived.load() == 0; ++ms) ::usleep(1'000);
    }

    // A new process opens the store.
    void compare() {
        auto node = Node::open(options_on(root_));
        if (!node) return wrong(counts_.unreadable, node.error().message);
        for (auto& [agent, messages] : oracle_) {
            if (agent + 2 * kAgents < oracle_.rbegin()->first) continue;  // nobody has spoken to it since
            const auto turns = (*node)->memory().turns(name_of(agent));
            if (!turns && messages == 0 && turns.error().code == ErrorCode::kNotFound) continue;
            if (!turns) {
                wrong(counts_.unreadable, turns.error().message);
                continue;
            }
            const auto found = static_cast<std::uint32_t>(turns->size() - 1);
            if (found < messages)
                wrong(counts_.lost, name_of(agent) + " has " + std::to_string(found) + " of " +
                                        std::to_string(messages) + " turns");
            if (found > messages + 1) wrong(counts_.lost, name_of(agent) + " has more than was ever said");
            for (std::uint32_t i = 1; i <= found; ++i) {
                if ((*turns)[i].user_text != text_of({agent, i, 0}))
                    wrong(counts_.lost, "another text or order");
            }
            if (messages < found)
                messages = found;  // the one in flight became durable: the child goes on from it
            if (touched_.contains(agent)) speak(**node, agent, messages);
        }
    }

    // It remembers, and from its own KV.
    void speak(Node& node, std::uint32_t agent, std::uint32_t& messages) {
        const auto said = node.say(name_of(agent), text_of({agent, messages + 1, 0}));
        if (!said) return wrong(counts_.unreadable, said.error().message);
        ++messages;
        if (said->metrics.source == ReuseSource::kDisk) ++counts_.restored;
        for (const std::string& what : wrong_answers_of(node, name_of(agent)))
            wrong(counts_.wrong_answers, what);
    }

    void wrong(std::uint64_t& count, const std::string& what) {
        ++count;
        if (counts_.first.empty()) counts_.first = what + ", kill " + std::to_string(counts_.kills);
    }

    Acknowledge when_;
    std::mt19937 random_;
    Scratch scratch_;
    std::string root_ = scratch_.fresh();
    Oracle oracle_;
    std::set<std::uint32_t> touched_;
    KillCounts counts_;
};

void expect_nothing_lost(std::uint32_t kills) {
    const KillCounts counts = KillLoop(Acknowledge::kAfterTheTurn, 1).run(kills);
    EXPECT_EQ(counts.kills, kills);
    EXPECT_EQ(counts.lost, 0u) << counts.first;
    EXPECT_EQ(counts.unreadable, 0u) << counts.first;
    EXPECT_EQ(counts.wrong_answers, 0u) << counts.first;
    EXPECT_GE(2 * (counts.in_save + counts.in_commit), kills) << "too few died where it matters";
    EXPECT_GT(counts.restored, counts.kills / 4) << "their KV was not used: this shows little";
    std::cout << "[ figure   ] kill -9: " << counts.kills << " kills, " << counts.in_save
              << " inside a write of a save, " << counts.in_commit << " inside one of a commit; "
              << counts.acknowledged << " turns acknowledged, " << counts.lost << " lost, "
              << counts.unreadable << " unreadable agents, " << counts.wrong_answers << " wrong answers; "
              << counts.restored << " agents went on from their stored KV\n";
}

TEST(KillAnywhereTest, NothingAcknowledgedIsLost) { expect_nothing_lost(40); }
TEST(SoakKillAnywhereTest, NothingAcknowledgedIsLost) { expect_nothing_lost(1'000); }

TEST(KillAnywhereTest, ControlAcknowledgingBeforeTheTurnLosesTurns) {
    const KillCounts counts = KillLoop(Acknowledge::kBeforeTheTurn, 2).run(25);
    EXPECT_GT(counts.lost, 0u);
    std::cout << "[ control  ] kill -9, acknowledged before the commit: " << counts.lost << " losses in "
              << counts.kills << " kills\n";
}

}  // namespace
}  // namespace kvasir::test
