// JSON of a server of ours: its fields, and its errors as ours. Pure functions and values of one thread.
#pragma once

#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "base/result.h"

namespace kvasir {

// kUnavailable: this is not what a server of this program's version says.
Error not_understood();
Result<boost::json::value> parse_server_json(std::string_view text);
// Of a response that is no 2xx: the code that the server's own error had, so that exit codes stay the same.
Error error_of_response(int http_status, std::string_view body);
// Of a connection that failed between two answers of one command.
Error error_of_connection(Error error);

// The fields of one object. One that is missing or of another kind makes `failed`, and reads as nothing.
class ServerFields {
  public:
    explicit ServerFields(const boost::json::value& value)
        : object_(value.if_object()), failed_(object_ == nullptr) {}
    ServerFields(const ServerFields&) = delete;
    ServerFields& operator=(const ServerFields&) = delete;

    template <class Number>
    void read(const char* name, Number& into) {
        const boost::json::value* value = find(name);
        if (value == nullptr) return;
        boost::system::error_code error;
        into = value->to_number<Number>(error);
        failed_ = failed_ || error;
    }
    void read(const char* name, std::string& into) {
        const boost::json::value* value = find(name);
        const boost::json::string* text = value != nullptr ? value->if_string() : nullptr;
        failed_ = failed_ || text == nullptr;
        if (text != nullptr) into = std::string(*text);
    }
    void read(const char* name, bool& into) {
        const boost::json::value* value = find(name);
        failed_ = failed_ || value == nullptr || !value->is_bool();
        if (!failed_) into = value->get_bool();
    }
    // One of the enum's values from `first` to `last`, by its name.
    template <class Enum>
    void read(const char* name, Enum& into, Enum last) {
        std::string text;
        read(name, text);
        for (int i = 0; i <= static_cast<int>(last); ++i) {
            if (text != to_string(static_cast<Enum>(i))) continue;
            into = static_cast<Enum>(i);
            return;
        }
        failed_ = true;
    }
    const boost::json::value* find(const char* name) {
        const boost::json::value* value = object_ != nullptr ? object_->if_contains(name) : nullptr;
        failed_ = failed_ || value == nullptr;
        return value;
    }
    void fail_here() { failed_ = true; }

    template <class T>
    Result<T> done(T value) const {
        if (failed_) return fail(not_understood());
        return value;
    }

  private:
    const boost::json::object* object_;
    bool failed_;
};

}  // namespace kvasir
