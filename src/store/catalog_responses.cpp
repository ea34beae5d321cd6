// Responses and conversations: SqliteCatalog's part.
#include <fmt/core.h>

#include "base/names.h"
#include "store/catalog_rows.h"
#include "store/catalog_sqlite.h"

namespace kvasir {

namespace {

Status insert_items(SqliteConnection& db, const std::string& conversation,
                    const std::vector<ConversationItem>& items) {
    for (const ConversationItem& item : items) {
        // One that was deleted meanwhile must not cost a turn.
        KVASIR_TRY_ASSIGN(
            auto insert,
            db.prepare("INSERT OR IGNORE INTO conversation_items (conversation_id, item_id, item) "
                       "SELECT id, ?, ? FROM conversations WHERE id = ?"));
        KVASIR_TRY(insert.bind_text(item.id).bind_text(item.text).bind_text(conversation).run());
    }
    return {};
}

Error no_conversation(const std::string& id) {
    return {ErrorCode::kNotFound, "there is no conversation " + printable(id)};
}

Status check_conversation(SqliteConnection& db, const std::string& id) {
    KVASIR_TRY_ASSIGN(auto statement, db.prepare("SELECT 1 FROM conversations WHERE id = ?"));
    KVASIR_TRY_ASSIGN(const bool row, statement.bind_text(id).step());
    return row ? Status{} : fail(no_conversation(id));
}

// Runs a statement that must change a row.
Status run_on_row(SqliteConnection& db, SqliteStatement& statement, const Error& missing) {
    KVASIR_TRY(statement.run());
    return db.changed_rows() > 0 ? Status{} : fail(missing);
}

}  // namespace

Status insert_response(SqliteConnection& connection, const NewResponse& response, const TurnRecord& turn,
                       AgentId agent, std::int64_t now_unix_ms) {
    if (!response.id.empty()) {
        KVASIR_TRY_ASSIGN(
            auto insert,
            connection.prepare("INSERT OR REPLACE INTO responses "
                               "(id, agent_id, turn_id, record, created_unix_ms) VALUES (?, ?, ?, ?, ?)"));
        insert.bind_text(response.id).bind_int(to_row(agent)).bind_int(to_row(turn.id));
        KVASIR_TRY(insert.bind_text(response.record).bind_int(now_unix_ms).run());
    }
    return response.conversation.empty() ? Status{}
                                         : insert_items(connection, response.conversation, response.items);
}

Status rename_conversations_of(SqliteConnection& connection, const std::string& from, const std::string& to) {
    KVASIR_TRY_ASSIGN(auto rename,
                      connection.prepare("UPDATE conversations SET agent_name = ? WHERE agent_name = ?"));
    return rename.bind_text(to).bind_text(from).run();
}

Status erase_conversations_of(SqliteConnection& connection, AgentId agent) {
    KVASIR_TRY_ASSIGN(auto erase, connection.prepare("DELETE FROM conversations WHERE agent_name = "
                                                     "(SELECT name FROM agents WHERE id = ?)"));
    return erase.bind_int(to_row(agent)).run();
}

Result<std::optional<StoredResponse>> SqliteCatalog::response(const std::string& id) {
    return read([&](SqliteConnection& db) -> Result<std::optional<StoredResponse>> {
        KVASIR_TRY_ASSIGN(auto statement,
                          db.prepare("SELECT r.id, a.name, r.turn_id, r.record FROM responses AS r "
                                     "JOIN agents AS a ON a.id = r.agent_id WHERE r.id = ?"));
        KVASIR_TRY_ASSIGN(const bool row, statement.bind_text(id).step());
        if (!row) return std::optional<StoredResponse>();
        return std::optional<StoredResponse>(StoredResponse{
            statement.text_at(0), statement.text_at(1), TurnId{statement.int_at(2)}, statement.text_at(3)});
    });
}

Status SqliteCatalog::erase_response(const std::string& id) {
    return transact([&](SqliteConnection& db) -> Status {
        KVASIR_TRY_ASSIGN(auto erase, db.prepare("DELETE FROM responses WHERE id = ?"));
        return run_on_row(db, erase.bind_text(id),
                          {ErrorCode::kNotFound, "there is no response " + printable(id)});
    });
}

Status SqliteCatalog::add_conversation(const StoredConversation& conversation,
                                       const std::vector<ConversationItem>& items) {
    return transact([&](SqliteConnection& db) -> Status {
        if (check_conversation(db, conversation.id))
            return fail(ErrorCode::kConflict, "there is a conversation " + printable(conversation.id));
        KVASIR_TRY_ASSIGN(auto insert,
                          db.prepare("INSERT INTO conversations (id, agent_name, record, created_unix_ms) "
                                     "VALUES (?, ?, ?, ?)"));
        insert.bind_text(conversation.id).bind_text(conversation.agent).bind_text(conversation.record);
        KVASIR_TRY(insert.bind_int(conversation.created_unix_ms).run());
        return insert_items(db, conversation.id, items);
    });
}

Result<std::optional<StoredConversation>> SqliteCatalog::conversation(const std::string& id) {
    return read([&](SqliteConnection& db) -> Result<std::optional<StoredConversation>> {
        KVASIR_TRY_ASSIGN(auto statement, db.prepare("SELECT id, agent_name, record, created_unix_ms "
                                                     "FROM conversations WHERE id = ?"));
        KVASIR_TRY_ASSIGN(const bool row, statement.bind_text(id).step());
        if (!row) return std::optional<StoredConversation>();
        return std::optional<StoredConversation>(StoredConversation{
            statement.text_at(0), statement.text_at(1), statement.text_at(2), statement.int_at(3)});
    });
}

Status SqliteCatalog::set_conversation_record(const std::string& id, const std::string& record) {
    return transact([&](SqliteConnection& db) -> Status {
        KVASIR_TRY_ASSIGN(auto update, db.prepare("UPDATE conversations SET record = ? WHERE id = ?"));
        return run_on_row(db, update.bind_text(record).bind_text(id), no_conversation(id));
    });
}

Status SqliteCatalog::erase_conversation(const std::string& id) {
    return transact([&](SqliteConnection& db) -> Status {
        KVASIR_TRY_ASSIGN(auto erase, db.prepare("DELETE FROM conversations WHERE id = ?"));
        return run_on_row(db, erase.bind_text(id), no_conversation(id));
    });
}

Status SqliteCatalog::add_conversation_items(const std::string& id,
                                             const std::vector<ConversationItem>& items) {
    return transact([&](SqliteConnection& db) -> Status {
        KVASIR_TRY(check_conversation(db, id));
        return insert_items(db, id, items);
    });
}

Result<std::vector<ConversationItem>> SqliteCatalog::conversation_items(const std::string& id) {
    return read([&](SqliteConnection& db) -> Result<std::vector<ConversationItem>> {
        KVASIR_TRY_ASSIGN(auto statement, db.prepare("SELECT item_id, item FROM conversation_items "
                                                     "WHERE conversation_id = ? ORDER BY id"));
        statement.bind_text(id);
        std::vector<ConversationItem> items;
        while (true) {
            KVASIR_TRY_ASSIGN(const bool row, statement.step());
            if (!row) return items;
            items.push_back({statement.text_at(0), statement.text_at(1)});
        }
    });
}

Status SqliteCatalog::erase_conversation_item(const std::string& id, const std::string& item) {
    return transact([&](SqliteConnection& db) -> Status {
        KVASIR_TRY_ASSIGN(auto erase, db.prepare("DELETE FROM conversation_items "
                                                 "WHERE conversation_id = ? AND item_id = ?"));
        return run_on_row(db, erase.bind_text(id).bind_text(item),
                          {ErrorCode::kNotFound, "the conversation has no item " + printable(item)});
    });
}

}  // namespace kvasir
