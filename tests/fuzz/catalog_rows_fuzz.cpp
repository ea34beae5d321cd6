// Rows of the catalog as they are read: tables with the columns of a real one, but without types and checks,
// filled with values of any kind. So a catalog that was damaged, or made by somebody else, is a refusal and
// not a crash. Input: number of turns, then values: one byte of kind, then the value.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <random>

#include "fuzz/byte_feed.h"
#include <fmt/format.h>

#include "memory/conversation.h"
#include "store/catalog.h"
#include "store/catalog_rows.h"

namespace kvasir::fuzz {

namespace {

constexpr std::size_t kTurnsMax = 4;
constexpr const char* kTables[] = {"agents", "turns", "blocks"};

template <class T>
T must(Result<T> result) {
    require(result.has_value(), result ? "" : result.error().message.c_str());
    return std::move(*result);
}

std::string columns_of(SqliteConnection& db, const std::string& table) {
    return must(db.query_text(fmt::format("SELECT group_concat(name) FROM pragma_table_info('{}')", table)));
}

std::unique_ptr<SqliteConnection> make_database() {
    const auto folder =
        std::filesystem::temp_directory_path() / fmt::format("kvasir-fuzz-{}", std::random_device{}());
    std::filesystem::create_directories(folder);
    const std::string path = folder / "kvasir.db";
    must(Catalog::open(path));
    auto real = must(SqliteConnection::open(path, {}));
    auto db = must(SqliteConnection::open(":memory:", {}));
    for (const char* table : kTables)
        require(db->execute(fmt::format("CREATE TABLE {} ({})", table, columns_of(*real, table))).has_value(),
                "a table is made");
    real.reset();
    std::filesystem::remove_all(folder);
    return db;
}

std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span<const char>(text));
}

void bind_value(SqliteStatement& insert, ByteFeed& feed) {
    const std::uint8_t kind = feed.byte();
    switch (kind % 8) {
        case 0:
            insert.bind_null();
            break;
        case 1:
            insert.bind_int(static_cast<std::int8_t>(feed.byte()));
            break;
        case 2:
            insert.bind_int(feed.number());
            break;
        case 3:
            insert.bind_text(feed.text());
            break;
        case 4:  // as long as a digest
            insert.bind_blob(bytes_of(std::string(32, static_cast<char>(feed.byte()))));
            break;
        case 5:
            insert.bind_blob(bytes_of(feed.text()));
            break;
        case 6: {  // the messages of a turn, so that texts are met that can be read
            const std::string role = feed.text();
            const std::string content = feed.text();
            insert.bind_text(R"({"messages":[{"role":")" + role + R"(","content":")" + content + R"("}]})");
            break;
        }
        default:
            insert.bind_text("agent");
    }
}

void fill(SqliteConnection& db, const std::string& table, ByteFeed& feed) {
    const std::string columns = columns_of(db, table);
    std::string marks = "?";
    for (const char c : columns) marks += c == ',' ? ",?" : "";
    auto insert = must(db.prepare(fmt::format("INSERT INTO {} VALUES ({})", table, marks)));
    for (const char c : marks) {
        if (c == '?') bind_value(insert, feed);
    }
    require(insert.run().has_value(), "a row is written");
}

Outcome read_everything(SqliteConnection& db) {
    auto blocks = must(db.prepare(fmt::format("SELECT {} FROM blocks AS b", kBlockColumns)));
    const bool read_blocks_well = read_blocks(blocks).has_value();
    (void)read_head(db, AgentId{1});
    (void)check_name_free(db, "agent");
    const auto agent = known_agent(db, "agent");
    if (!agent) return Outcome::kRefused;
    auto path = read_turns(db, AgentId{1});
    if (!path) return Outcome::kRefused;
    const auto conversation = conversation_at(*agent, std::move(*path));
    if (!conversation) return Outcome::kRefused;
    require(conversation->prefix_end() <= conversation->tokens.size() || conversation->turns.size() > 1,
            "a prefix is of tokens");
    require(!conversation->turns.empty(), "a conversation has a last turn");
    require(conversation->rows_end() <= conversation->tokens.size(), "rows are of tokens");
    (void)conversation->parent();
    (void)conversation->branch();
    // No token of the corpus takes more than 16 bits.
    const bool rare =
        read_blocks_well && std::any_of(conversation->tokens.begin(), conversation->tokens.end(),
                                        [](Token token) { return token > 0xFFFF; });
    return rare ? Outcome::kRare : Outcome::kAccepted;
}

}  // namespace

Outcome run_target(Input input) {
    static const std::unique_ptr<SqliteConnection> kDatabase = make_database();
    SqliteConnection& db = *kDatabase;
    ByteFeed feed(input);
    const std::size_t turns = feed.byte() % (kTurnsMax + 1);
    fill(db, "agents", feed);
    fill(db, "blocks", feed);
    for (std::size_t i = 0; i < turns; ++i) fill(db, "turns", feed);
    const bool numbered = (feed.byte() & 1U) != 0;
    if (numbered)  // else almost no turn hangs on another
        require(db.execute("UPDATE agents SET id = 1, tenant_id = 1, name = 'agent', head_turn_id = (SELECT "
                           "max(rowid) FROM turns); "
                           "UPDATE turns SET id = rowid, parent_id = nullif(rowid - 1, 0)")
                    .has_value(),
                "rows are numbered");
    const Outcome outcome = read_everything(db);
    require(db.execute("DELETE FROM agents; DELETE FROM turns; DELETE FROM blocks").has_value(),
            "rows are removed");
    return outcome;
}

}  // namespace kvasir::fuzz
